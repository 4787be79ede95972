/// A picture on its way into a model. Frames are made once and filled again and again; fill and use them on one thread.
public class Frame {
  /// Pixels a row, as stored.
  public private(set) var width = 0

  /// Rows, as stored.
  public private(set) var height = 0

  /// How it is stored, as EXIF numbers it (1 to 8); see `Orientation`.
  public private(set) var orientation = Orientation.upright

  fileprivate init() {}

  fileprivate func describe(_ width: Int, _ height: Int, _ orientation: Int) throws {
    if width < 1 || height < 1 { throw InputError("a picture must have at least one pixel, got \(width) x \(height)") }
    if width > 1 << 24 || height > 1 << 24 { throw InputError("a picture of \(width) x \(height) pixels is too large") }
    if !(1...8).contains(orientation) {
      throw InputError("an orientation must be 1 to 8, got \(orientation)", "As EXIF numbers them")
    }
    self.width = width
    self.height = height
    self.orientation = orientation
  }
}

/// EXIF's orientations, as far as cameras need them.
public enum Orientation {
  /// Stored upright.
  public static let upright = 1

  /// Of a frame that must be turned clockwise by so many degrees to be upright, as cameras say it.
  ///
  /// - Throws: `InputError` if it is none of 0, 90, 180, 270.
  public static func ofRotation(_ degrees: Int) throws -> Int {
    switch degrees {
    case 0: return upright
    case 90: return 6
    case 180: return 3
    case 270: return 8
    default: throw InputError("a rotation must be 0, 90, 180 or 270 degrees, got \(degrees)")
    }
  }
}

/// Bytes R, G, B (or one gray byte) a pixel, row by row.
public final class RgbFrame: Frame {
  private(set) var bytes: [UInt8] = []

  /// 3, or 1 for gray.
  public private(set) var channels = 3

  /// An empty frame, to be set.
  public override init() { super.init() }

  /// Use these bytes; they are not copied.
  ///
  /// - Throws: `InputError` if there are too few, or channels are neither 1 nor 3, or the orientation is none.
  @discardableResult
  public func set(
    _ bytes: [UInt8], width: Int, height: Int, channels: Int = 3, orientation: Int = Orientation.upright
  ) throws -> RgbFrame {
    if channels != 1 && channels != 3 { throw InputError("a picture must have 1 or 3 channels, got \(channels)") }
    try describe(width, height, orientation)
    if bytes.count < width * height * channels {
      throw InputError("\(width) x \(height) x \(channels) bytes were said, \(bytes.count) were given")
    }
    self.bytes = bytes
    self.channels = channels
    return self
  }
}

/// Four bytes a pixel, in the order R, G, B, A or B, G, R, A; rows may be longer than their pixels. Alpha is dropped.
public final class RgbaFrame: Frame {
  /// The order of a pixel's bytes.
  public enum Order: Sendable {
    case rgba
    case bgra
  }

  private(set) var bytes: [UInt8] = []
  private(set) var order = Order.rgba
  private(set) var rowStride = 0

  /// An empty frame, to be set.
  public override init() { super.init() }

  /// Use these bytes; they are not copied. `rowStride` is the bytes from a row to the next one, nil if nothing is between.
  ///
  /// - Throws: `InputError` if there are too few, or the orientation is none.
  @discardableResult
  public func set(
    _ bytes: [UInt8], width: Int, height: Int, order: Order = .rgba, rowStride: Int? = nil,
    orientation: Int = Orientation.upright
  ) throws -> RgbaFrame {
    let stride = rowStride ?? 4 * width
    try describe(width, height, orientation)
    if stride < 4 * width { throw InputError("\(width) pixels need rows of \(4 * width) bytes, got \(stride)") }
    if bytes.count < (height - 1) * stride + 4 * width {
      throw InputError("\(height) rows of \(stride) bytes were said, \(bytes.count) bytes were given")
    }
    self.bytes = bytes
    self.order = order
    self.rowStride = stride
    return self
  }
}

/// One plane of a camera's frame: bytes that are the caller's, pixel (row, column) at row * rowStride + column * pixelStride.
public struct Plane {
  let bytes: UnsafeRawBufferPointer
  let rowStride: Int
  let pixelStride: Int

  /// A plane; the bytes need only stay until the frame is set.
  public init(_ bytes: UnsafeRawBufferPointer, rowStride: Int, pixelStride: Int = 1) {
    self.bytes = bytes
    self.rowStride = rowStride
    self.pixelStride = pixelStride
  }

  /// See that the plane has all pixels.
  func check(_ name: String, _ width: Int, _ height: Int) throws {
    if rowStride < 1 || pixelStride < 1 {
      throw InputError("strides must be at least 1, got \(rowStride) and \(pixelStride)")
    }
    let (rows, over) = (height - 1).multipliedReportingOverflow(by: rowStride)
    let (across, wide) = (width - 1).multipliedReportingOverflow(by: pixelStride)
    let need = over || wide ? Int.max : rows.addingReportingOverflow(across + 1).partialValue
    if need < 0 || bytes.count < need {
      throw InputError("the plane \(name) has \(bytes.count) bytes, its strides need \(need)")
    }
  }
}

/// A camera's 420 frame in Y, U (Cb) and V (Cr), each of the latter with half the rows and columns (docs/preprocessing.md).
///
/// `set` copies the planes, which is a few memory copies; so the camera's buffer can be given back at once.
public final class YuvFrame: Frame {
  private(set) var y: [UInt8] = []
  private(set) var u: [UInt8] = []
  private(set) var v: [UInt8] = []
  private(set) var strides = YuvStrides()

  /// What the numbers mean in RGB.
  public private(set) var colors = YuvColors.bt601Full

  /// An empty frame, to be set.
  public override init() { super.init() }

  /// Take in the planes, and how they become RGB.
  ///
  /// - Parameter rotation: Degrees clockwise until it is upright: 0, 90, 180 or 270.
  /// - Throws: `InputError` if a plane is too short for its strides, or the rotation is none, or U and V differ in strides.
  @discardableResult
  public func set(
    y: Plane, u: Plane, v: Plane, width: Int, height: Int, rotation: Int = 0, colors: YuvColors = .bt601Full
  ) throws -> YuvFrame {
    try describe(width, height, Orientation.ofRotation(rotation))
    try y.check("y", width, height)
    try u.check("u", (width + 1) / 2, (height + 1) / 2)
    try v.check("v", (width + 1) / 2, (height + 1) / 2)
    if u.rowStride != v.rowStride || u.pixelStride != v.pixelStride {
      throw InputError("the planes u and v must have the same strides")
    }
    copy(y.bytes, into: &self.y)
    copy(u.bytes, into: &self.u)
    copy(v.bytes, into: &self.v)
    strides = YuvStrides(yRow: y.rowStride, yPixel: y.pixelStride, uvRow: u.rowStride, uvPixel: u.pixelStride)
    self.colors = colors
    return self
  }
}

/// The bytes from a row and from a pixel to the next one.
struct YuvStrides: Equatable {
  var yRow = 0
  var yPixel = 1
  var uvRow = 0
  var uvPixel = 1
}

/// How Y, U and V become RGB, in 16-bit fixed point: R = (light (Y - black) + redV (V - 128) + 32768) >> 16, and so on.
public struct YuvColors: Equatable, Sendable {
  let black: Int32
  let light: Int32
  let redV: Int32
  let greenU: Int32
  let greenV: Int32
  let blueU: Int32

  /// BT.601, 0 to 255: JPEG's, and that of Android's cameras.
  public static let bt601Full = YuvColors(
    black: 0, light: 65536, redV: 91881, greenU: 22554, greenV: 46802, blueU: 116130)

  /// BT.601, Y 16 to 235, U and V 16 to 240.
  public static let bt601Video = YuvColors(
    black: 16, light: 76309, redV: 104597, greenU: 25675, greenV: 53279, blueU: 132201)

  /// BT.709, 0 to 255.
  public static let bt709Full = YuvColors(
    black: 0, light: 65536, redV: 103206, greenU: 12276, greenV: 30679, blueU: 121609)

  /// BT.709, Y 16 to 235, U and V 16 to 240.
  public static let bt709Video = YuvColors(
    black: 16, light: 76309, redV: 117489, greenU: 13975, greenV: 34925, blueU: 138438)
}
