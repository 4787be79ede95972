/// How a frame lies in memory; one plan serves all frames of one form.
struct FrameForm: Equatable {
  /// The plane of luminance or of all channels, and that of chrominance, which has half the rows and columns.
  enum Plane: Int {
    case full
    case half
  }

  private let width: Int
  private let height: Int
  private let orientation: Int
  private let rows: SIMD2<Int>
  private let pixels: SIMD2<Int>
  private let order: RgbaFrame.Order?

  init(_ frame: Frame, ignoresExif: Bool) {
    width = frame.width
    height = frame.height
    var isCamera = false
    switch frame {
    case let frame as RgbFrame:
      (rows, pixels, order) = (SIMD2(frame.width * frame.channels, 0), SIMD2(frame.channels, 0), nil)
    case let frame as RgbaFrame: (rows, pixels, order) = (SIMD2(frame.rowStride, 0), SIMD2(4, 0), frame.order)
    case let frame as YuvFrame:
      rows = SIMD2(frame.strides.yRow, frame.strides.uvRow)
      pixels = SIMD2(frame.strides.yPixel, frame.strides.uvPixel)
      order = nil
      isCamera = true
    default: preconditionFailure("there are three kinds of frames")
    }
    // A camera's rotation is no EXIF block: it always counts.
    orientation = ignoresExif && !isCamera ? Orientation.upright : frame.orientation
  }

  private var isTurned: Bool { orientation >= 5 }

  var uprightWidth: Int { isTurned ? height : width }

  var uprightHeight: Int { isTurned ? width : height }

  /// What columns of the upright picture add to an address in the plane.
  func columns(_ positions: [Int], _ plane: Plane) -> Memory<Int> {
    let isFlipped = [2, 3, 6, 7].contains(orientation)
    return Memory(positions.map { address($0, uprightWidth, isFlipped, plane, alongRow: !isTurned) })
  }

  /// What a row of the upright picture adds to an address in the plane.
  func row(_ y: Int, _ plane: Plane) -> Int {
    let isFlipped = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8
    return address(y, uprightHeight, isFlipped, plane, alongRow: isTurned)
  }

  private func address(_ at: Int, _ extent: Int, _ isFlipped: Bool, _ plane: Plane, alongRow: Bool) -> Int {
    let stored = isFlipped ? extent - 1 - at : at
    return (stored >> plane.rawValue) * (alongRow ? pixels[plane.rawValue] : rows[plane.rawValue])
  }
}

/// Reads some columns of one row of the upright picture, in the channels that the model wants, pixel by pixel.
final class Sampler {
  private let form: FrameForm
  private let full: Memory<Int>
  private let half: Memory<Int>
  private let isGray: Bool
  private let redAt: Int

  /// How many bytes a row is.
  let size: Int

  init(_ form: FrameForm, _ color: ColorOrder, _ columns: [Int]) {
    self.form = form
    full = form.columns(columns, .full)
    half = form.columns(columns, .half)
    isGray = color == .gray
    redAt = color == .bgr ? 2 : 0
    size = columns.count * color.channels
  }

  func read(_ frame: Frame, _ y: Int, into row: Memory<UInt8>) {
    switch frame {
    case let frame as RgbFrame: read(frame.bytes, y, SIMD3(0, frame.channels == 1 ? 0 : 1, frame.channels - 1), into: row)
    case let frame as RgbaFrame: read(frame.bytes, y, frame.order == .rgba ? SIMD3(0, 1, 2) : SIMD3(2, 1, 0), into: row)
    case let frame as YuvFrame: read(frame, y, into: row)
    default: preconditionFailure("there are three kinds of frames")
    }
  }

  /// Pixels whose red, green and blue are at these places.
  private func read(_ bytes: [UInt8], _ y: Int, _ places: SIMD3<Int>, into row: Memory<UInt8>) {
    let start = form.row(y, .full)
    for i in full.indices {
      let at = start + full[i]
      store(
        Int32(bytes[at + places.x]), Int32(bytes[at + places.y]), Int32(bytes[at + places.z]), at: i, into: row)
    }
  }

  /// A pixel takes the chrominance of its block of 2 x 2.
  private func read(_ frame: YuvFrame, _ row: Int, into pixels: Memory<UInt8>) {
    let (y, u, v, colors) = (frame.y, frame.u, frame.v, frame.colors)
    let (start, halfStart) = (form.row(row, .full), form.row(row, .half))
    for i in full.indices {
      let light = (Int32(y[start + full[i]]) &- colors.black) &* colors.light &+ 32768
      let at = halfStart + half[i]
      let blue = Int32(u[at]) &- 128
      let red = Int32(v[at]) &- 128
      store(
        clamped((light &+ colors.redV &* red) >> 16),
        clamped((light &- colors.greenU &* blue &- colors.greenV &* red) >> 16),
        clamped((light &+ colors.blueU &* blue) >> 16), at: i, into: pixels)
    }
  }

  @inline(__always)
  private func store(_ red: Int32, _ green: Int32, _ blue: Int32, at pixel: Int, into row: Memory<UInt8>) {
    if isGray {
      row[pixel] = UInt8(truncatingIfNeeded: (19595 &* red &+ 38470 &* green &+ 7471 &* blue &+ 32768) >> 16)
      return
    }
    let at = 3 * pixel
    row[at + redAt] = UInt8(truncatingIfNeeded: red)
    row[at + 1] = UInt8(truncatingIfNeeded: green)
    row[at + 2 - redAt] = UInt8(truncatingIfNeeded: blue)
  }

  @inline(__always)
  private func clamped(_ value: Int32) -> Int32 { max(0, min(255, value)) }
}
