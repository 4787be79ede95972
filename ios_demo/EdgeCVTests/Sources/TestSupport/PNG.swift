import Foundation

@testable import EdgeCV

/// A decoder of the golden pictures, which are PNG files of 8 bits, gray or RGB, in the place of Apple's ImageIO.
public struct PNGDecoder: PictureDecoder {
  public init() {}

  public func decode(_ encoded: Data) throws -> Frame {
    let bytes = [UInt8](encoded)
    guard bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) else { throw InputError("this is no PNG") }
    var (at, packed, header) = (8, Data(), [UInt8]())
    while at + 12 <= bytes.count {
      let length = Int(number(bytes, at))
      let kind = String(decoding: bytes[at + 4..<at + 8], as: UTF8.self)
      let content = bytes[at + 8..<at + 8 + length]
      if kind == "IHDR" { header = Array(content) }
      if kind == "IDAT" { packed += content }
      at += 12 + length
    }
    let channels = [0: 1, 2: 3][header[9]]
    guard let channels, header[8] == 8, header[12] == 0 else { throw InputError("this PNG is of another kind") }
    let (width, height) = (Int(number(header, 0)), Int(number(header, 4)))
    guard let rows = Inflate.unpack(packed.dropFirst(2), most: (width * channels + 1) * height) else {
      throw InputError("this PNG is damaged")
    }
    let pixels = unfiltered([UInt8](rows), width: width * channels, height: height, step: channels)
    return try RgbFrame().set(pixels, width: width, height: height, channels: channels)
  }

  private func number(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func unfiltered(_ rows: [UInt8], width: Int, height: Int, step: Int) -> [UInt8] {
    var pixels = [UInt8](repeating: 0, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        let left = x >= step ? Int(pixels[y * width + x - step]) : 0
        let above = y > 0 ? Int(pixels[(y - 1) * width + x]) : 0
        let corner = x >= step && y > 0 ? Int(pixels[(y - 1) * width + x - step]) : 0
        let guess = [0, left, above, (left + above) / 2, paeth(left, above, corner)][Int(rows[y * (width + 1)])]
        pixels[y * width + x] = UInt8(truncatingIfNeeded: Int(rows[y * (width + 1) + 1 + x]) + guess)
      }
    }
    return pixels
  }

  private func paeth(_ left: Int, _ above: Int, _ corner: Int) -> Int {
    let guess = left + above - corner
    let (a, b, c) = (abs(guess - left), abs(guess - above), abs(guess - corner))
    return a <= b && a <= c ? left : b <= c ? above : corner
  }
}
