/// The samples of a decoded picture, as a system's decoder describes them. What means the bits of the picture's file becomes a
/// frame; all else is refused in words, since a guess would be another picture.
public struct PictureSamples {
  /// The meaning of a pixel's samples.
  public enum Colors: Equatable, Sendable {
    case gray
    case rgb
    /// Indices of a table with R, G, B for each.
    case palette([UInt8])
    /// Another one, by its name for people.
    case other(String)
  }

  /// The place of a pixel's transparency, or of a byte that is none.
  public enum Alpha: Sendable {
    case none
    case first
    case last
  }

  private static let mostPixels = 64_000_000  // more than a phone's camera takes: 256 MB, and as much again meanwhile
  private static let another = "Choose a JPEG, HEIC or PNG file in RGB or gray with 8 bits a channel"

  public var bitsPerComponent = 8
  public var bitsPerPixel = 24
  public var colors = Colors.rgb
  public var alpha = Alpha.none
  /// True if the colours were multiplied by the transparency.
  public var isPremultiplied = false
  /// True if a pixel's bytes lie in the reverse order.
  public var isReversed = false
  /// How the picture is stored, as EXIF numbers it.
  public var orientation = Orientation.upright

  private let bytes: [UInt8]
  private let width: Int
  private let height: Int
  private let rowStride: Int

  /// Samples of RGB until the properties say otherwise; `rowStride` is the bytes from a row to the next one.
  public init(_ bytes: [UInt8], width: Int, height: Int, rowStride: Int) {
    self.bytes = bytes
    self.width = width
    self.height = height
    self.rowStride = rowStride
  }

  /// See that a picture can be decoded within a phone's memory. Decoding it smaller would give other bits.
  ///
  /// - Throws: `InputError` if it is too large.
  public static func checkSize(width: Int, height: Int) throws {
    let (pixels, isOver) = width.multipliedReportingOverflow(by: height)
    if isOver || pixels > mostPixels {
      throw InputError(
        "the picture has \(width) x \(height) pixels, at most \(mostPixels / 1_000_000) million are decoded on a phone",
        "Make it smaller first; the answer is then for the smaller picture")
    }
  }

  /// The picture as a frame; alpha is dropped, palettes are expanded.
  ///
  /// - Throws: `InputError` if the samples mean something that is not read, or are too few.
  public func frame() throws -> Frame {
    try check()
    switch (colors, bitsPerPixel) {
    case (.gray, 8), (.rgb, 24): return try plain(packed(bitsPerPixel / 8), channels: bitsPerPixel / 8)
    case (.gray, 16): return try plain(grayWithoutAlpha(), channels: 1)
    case (.palette(let table), 8): return try plain(expanded(table), channels: 3)
    case (.rgb, 32): return try fourBytes()
    default: throw InputError("the picture has \(bitsPerPixel) bits a pixel, which are not read", PictureSamples.another)
    }
  }

  private func check() throws {
    if case .other(let name) = colors {
      throw InputError("the picture's colours are \(name), which is not read", PictureSamples.another)
    }
    if bitsPerComponent != 8 {
      throw InputError("the picture has \(bitsPerComponent) bits a channel, not 8", PictureSamples.another)
    }
    let row = width * bitsPerPixel / 8
    if width < 1 || height < 1 || rowStride < row || bytes.count < (height - 1) * rowStride + row {
      throw InputError("the picture's \(height) rows of \(rowStride) bytes are not all there")
    }
    if isPremultiplied && !isOpaque {
      throw InputError(
        "the picture's colours were multiplied by its transparency while it was decoded, so its own are lost",
        "Choose a picture without transparency")
    }
  }

  /// True if no pixel is transparent, so that multiplied colours are the picture's own.
  private var isOpaque: Bool {
    let size = bitsPerPixel / 8
    let place = (alpha == .first) == isReversed ? size - 1 : 0
    return (0..<height).allSatisfy { y in
      (0..<width).allSatisfy { x in bytes[y * rowStride + x * size + place] == 255 }
    }
  }

  private func plain(_ bytes: [UInt8], channels: Int) throws -> Frame {
    try RgbFrame().set(bytes, width: width, height: height, channels: channels, orientation: orientation)
  }

  private func fourBytes() throws -> Frame {
    if alpha == .none || isReversed != (alpha == .first) { throw unknownOrder() }
    return try RgbaFrame().set(
      bytes, width: width, height: height, order: isReversed ? .bgra : .rgba, rowStride: rowStride, orientation: orientation)
  }

  /// The rows without what lies between them.
  private func packed(_ size: Int) throws -> [UInt8] {
    if isReversed && size > 1 { throw unknownOrder() }
    if rowStride == width * size { return bytes }
    return (0..<height).flatMap { bytes[$0 * rowStride..<$0 * rowStride + width * size] }
  }

  private func grayWithoutAlpha() throws -> [UInt8] {
    if alpha != .last || isReversed { throw unknownOrder() }
    let pairs = try packed(2)
    return (0..<width * height).map { pairs[2 * $0] }
  }

  private func expanded(_ table: [UInt8]) throws -> [UInt8] {
    let indices = try packed(1).prefix(width * height)
    guard let most = indices.max(), 3 * Int(most) + 2 < table.count else {
      throw InputError("the picture's palette has \(table.count / 3) colours, which are too few")
    }
    return indices.flatMap { table[3 * Int($0)...3 * Int($0) + 2] }
  }

  private func unknownOrder() -> InputError {
    InputError("the picture's channels are in an order that is not read", PictureSamples.another)
  }
}
