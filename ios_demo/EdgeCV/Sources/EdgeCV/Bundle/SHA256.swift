import Foundation

#if canImport(CryptoKit)
  import CryptoKit

  /// The SHA-256 digest of data, in lower-case hexadecimal.
  func sha256(_ data: Data) -> String {
    CryptoKit.SHA256.hash(data: data).map(hexadecimal).joined()
  }
#else
  /// The SHA-256 digest of data, in lower-case hexadecimal (FIPS 180-4).
  func sha256(_ data: Data) -> String {
    var state: [UInt32] = [
      0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    var schedule = [UInt32](repeating: 0, count: 64)
    let whole = data.count / 64 * 64
    for start in stride(from: 0, to: whole, by: 64) {
      compress([UInt8](data[data.startIndex + start..<data.startIndex + start + 64]), at: 0, &schedule, &state)
    }
    let tail = padded([UInt8](data.dropFirst(whole)), length: data.count)
    for start in stride(from: 0, to: tail.count, by: 64) { compress(tail, at: start, &schedule, &state) }
    return state.flatMap { word in stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) } }
      .map(hexadecimal).joined()
  }

  /// The last bytes with a 1 bit, zeros, and the length in bits, to whole blocks.
  private func padded(_ rest: [UInt8], length: Int) -> [UInt8] {
    let zeros = (119 - rest.count) % 64
    let bits = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: (UInt64(length) &* 8) >> UInt64($0)) }
    return rest + [0x80] + [UInt8](repeating: 0, count: zeros) + bits
  }

  private func compress(_ block: [UInt8], at start: Int, _ schedule: inout [UInt32], _ state: inout [UInt32]) {
    for i in 0..<16 {
      let at = start + 4 * i
      let high = UInt32(block[at]) << 24 | UInt32(block[at + 1]) << 16
      schedule[i] = high | UInt32(block[at + 2]) << 8 | UInt32(block[at + 3])
    }
    for i in 16..<64 {
      let (early, late) = (schedule[i - 15], schedule[i - 2])
      let first = turned(early, 7) ^ turned(early, 18) ^ early >> 3
      let second = turned(late, 17) ^ turned(late, 19) ^ late >> 10
      schedule[i] = schedule[i - 16] &+ first &+ schedule[i - 7] &+ second
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for i in 0..<64 {
      let choice = (e & f) ^ (~e & g)
      let mixed = h &+ (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) &+ choice &+ constants[i] &+ schedule[i]
      let majority = (a & b) ^ (a & c) ^ (b & c)
      let summed = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ majority
      (h, g, f, e) = (g, f, e, d &+ mixed)
      (d, c, b, a) = (c, b, a, mixed &+ summed)
    }
    for (i, value) in [a, b, c, d, e, f, g, h].enumerated() { state[i] &+= value }
  }

  private func turned(_ word: UInt32, _ by: UInt32) -> UInt32 { word >> by | word << (32 - by) }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
#endif

private func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16)
  return digits.count == 1 ? "0\(digits)" : digits
}
