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
  func columns(_ positions: [Int], _ plane: Plane) -> Places {
    let isFlipped = [2, 3, 6, 7].contains(orientation)
    return Places(positions.map { address($0, uprightWidth, isFlipped, plane, alongRow: !isTurned) })
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
  private let full: Places
  private let half: Places
  private let pixel: PixelForm

  /// How many bytes a row is.
  let size: Int

  init(_ form: FrameForm, _ color: ColorOrder, _ columns: [Int]) {
    self.form = form
    full = form.columns(columns, .full)
    half = form.columns(columns, .half)
    pixel = color == .gray ? .gray : color == .bgr ? .bgr : .rgb
    size = columns.count * color.channels
  }

  func read(_ frame: Frame, _ y: Int, into row: Memory<UInt8>) {
    let start = form.row(y, .full)
    switch frame {
    case let frame as RgbFrame:
      readPixels(frame.bytes, start, full, frame.channels == 1 ? SIMD3(0, 0, 0) : SIMD3(0, 1, 2), pixel, into: row)
    case let frame as RgbaFrame:
      readPixels(frame.bytes, start, full, frame.order == .rgba ? SIMD3(0, 1, 2) : SIMD3(2, 1, 0), pixel, into: row)
    case let frame as YuvFrame:
      readPixels(frame, (start, form.row(y, .half)), full, half, pixel, into: row)
    default: preconditionFailure("there are three kinds of frames")
    }
  }
}
