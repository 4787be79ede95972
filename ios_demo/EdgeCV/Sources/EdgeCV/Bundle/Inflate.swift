import Foundation

/// Unpacks deflate streams (RFC 1951), which entries of .zip files and pictures in PNG are.
struct Inflate {
  private static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
  private static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
  private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private let input: [UInt8]
  private let most: Int
  private var at = 0
  private var bits: UInt32 = 0
  private var held = 0
  private var output: [UInt8] = []

  /// Unpack a stream to at most so many bytes; nil where it is damaged, or would be larger.
  static func unpack(_ data: Data, most: Int) -> Data? {
    var inflate = Inflate(input: [UInt8](data), most: most)
    while let isLast = inflate.take(1) {
      if !inflate.block() { return nil }
      if isLast == 1 { return Data(inflate.output) }
    }
    return nil
  }

  private init(input: [UInt8], most: Int) {
    self.input = input
    self.most = most
  }

  /// The next bits, the first one lowest.
  private mutating func take(_ count: Int) -> Int? {
    while held < count {
      if at == input.count { return nil }
      bits |= UInt32(input[at]) << UInt32(held)
      at += 1
      held += 8
    }
    let value = bits & ((1 << UInt32(count)) - 1)
    bits >>= UInt32(count)
    held -= count
    return Int(value)
  }

  private mutating func block() -> Bool {
    switch take(2) {
    case 0: return stored()
    case 1:
      let literals = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
      guard let codes = Codes(literals), let places = Codes([Int](repeating: 5, count: 30)) else { return false }
      return packed(codes, places)
    case 2:
      guard let (codes, places) = ownCodes() else { return false }
      return packed(codes, places)
    default: return false
    }
  }

  private mutating func stored() -> Bool {
    (bits, held) = (0, 0)
    guard at + 4 <= input.count else { return false }
    let count = Int(input[at]) | Int(input[at + 1]) << 8
    let check = Int(input[at + 2]) | Int(input[at + 3]) << 8
    at += 4
    guard count ^ 0xffff == check, at + count <= input.count, output.count + count <= most else { return false }
    output += input[at..<at + count]
    at += count
    return true
  }

  /// The codes that a block brings: of literals and lengths, and of distances.
  private mutating func ownCodes() -> (Codes, Codes)? {
    guard let literals = take(5), let places = take(5), let codes = take(4) else { return nil }
    var sizes = [Int](repeating: 0, count: 19)
    for index in 0..<codes + 4 {
      guard let size = take(3) else { return nil }
      sizes[Inflate.codeOrder[index]] = size
    }
    guard let code = Codes(sizes), let found = codeSizes(code, count: literals + places + 258) else { return nil }
    guard let first = Codes(Array(found[..<(literals + 257)])), let second = Codes(Array(found[(literals + 257)...])) else {
      return nil
    }
    return (first, second)
  }

  private mutating func codeSizes(_ code: Codes, count: Int) -> [Int]? {
    var sizes: [Int] = []
    while sizes.count < count {
      guard let symbol = next(code) else { return nil }
      switch symbol {
      case 0..<16: sizes.append(symbol)
      case 16:
        guard let last = sizes.last, let more = take(2) else { return nil }
        sizes += [Int](repeating: last, count: more + 3)
      default:
        guard let more = take(symbol == 17 ? 3 : 7) else { return nil }
        sizes += [Int](repeating: 0, count: more + (symbol == 17 ? 3 : 11))
      }
    }
    return sizes.count == count ? sizes : nil
  }

  private mutating func packed(_ codes: Codes, _ places: Codes) -> Bool {
    while let symbol = next(codes) {
      if symbol == 256 { return true }
      if symbol < 256 {
        output.append(UInt8(symbol))
      } else if !repeated(symbol - 257, places) {
        return false
      }
      if output.count > most { return false }
    }
    return false
  }

  /// Bytes of before once more.
  private mutating func repeated(_ kind: Int, _ places: Codes) -> Bool {
    guard kind < Inflate.lengths.count, let long = take(Inflate.lengthBits[kind]), let place = next(places),
      place < Inflate.distances.count, let far = take(Inflate.distanceBits[place])
    else { return false }
    let distance = Inflate.distances[place] + far
    if distance > output.count { return false }
    for _ in 0..<Inflate.lengths[kind] + long { output.append(output[output.count - distance]) }
    return true
  }

  /// The next symbol of a code, bit by bit.
  private mutating func next(_ codes: Codes) -> Int? {
    var (code, first, index) = (0, 0, 0)
    for size in 1..<codes.counts.count {
      guard let bit = take(1) else { return nil }
      code |= bit
      let count = codes.counts[size]
      if code - count < first { return codes.symbols[index + code - first] }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return nil
  }

  /// A canonical Huffman code: how many symbols there are of each size, and the symbols in order.
  private struct Codes {
    let counts: [Int]
    let symbols: [Int]

    /// The code of these sizes, 0 for symbols that are not there; nil if there is no such code.
    init?(_ sizes: [Int]) {
      var counts = [Int](repeating: 0, count: 16)
      for size in sizes where size > 0 { counts[size] += 1 }
      var left = 1
      for size in 1..<16 {
        left = left << 1 - counts[size]
        if left < 0 { return nil }
      }
      self.counts = counts
      symbols = (1..<16).flatMap { size in sizes.indices.filter { sizes[$0] == size } }
    }
  }
}
