#if canImport(CoreVideo) && canImport(ImageIO)
  import CoreGraphics
  import CoreVideo
  import EdgeCV
  import Foundation
  import ImageIO

  extension YuvFrame {
    /// Take in a camera's bi-planar 420 buffer, full or video range; the buffer can be given back at once.
    ///
    /// - Parameter rotation: Degrees clockwise until it is upright: 0, 90, 180 or 270.
    /// - Throws: `InputError` if the buffer is of another kind.
    @discardableResult
    public func set(_ buffer: CVPixelBuffer, rotation: Int) throws -> YuvFrame {
      let format = CVPixelBufferGetPixelFormatType(buffer)
      let isFull = format == kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
      if !isFull && format != kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange {
        throw InputError("the camera's buffer has the format \(format), not 420 with two planes")
      }
      CVPixelBufferLockBaseAddress(buffer, .readOnly)
      defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
      let light = try plane(buffer, 0)
      let chroma = try plane(buffer, 1)
      let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)
      return try set(
        y: Plane(light, rowStride: CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)),
        u: Plane(chroma, rowStride: stride, pixelStride: 2),
        v: Plane(UnsafeRawBufferPointer(rebasing: chroma.dropFirst()), rowStride: stride, pixelStride: 2),
        width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer), rotation: rotation,
        colors: matrix(of: buffer, isFull: isFull))
    }
  }

  private func plane(_ buffer: CVPixelBuffer, _ number: Int) throws -> UnsafeRawBufferPointer {
    guard let base = CVPixelBufferGetBaseAddressOfPlane(buffer, number) else {
      throw InputError("the camera's buffer has no plane \(number)")
    }
    let count = CVPixelBufferGetBytesPerRowOfPlane(buffer, number) * CVPixelBufferGetHeightOfPlane(buffer, number)
    return UnsafeRawBufferPointer(start: base, count: count)
  }

  /// What the buffer says of its matrix; BT.601 where it says nothing, as JPEG has it.
  private func matrix(of buffer: CVPixelBuffer, isFull: Bool) -> YuvColors {
    let said = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil) as? String
    let isHD = said == kCVImageBufferYCbCrMatrix_ITU_R_709_2 as String
    return isHD ? (isFull ? .bt709Full : .bt709Video) : isFull ? .bt601Full : .bt601Video
  }

  /// Decodes pictures with ImageIO: the samples as the file has them, without colour management.
  public struct ImageDecoder: PictureDecoder {
    /// A decoder.
    public init() {}

    public func decode(_ encoded: Data) throws -> Frame {
      guard let source = CGImageSourceCreateWithData(encoded as CFData, nil),
        let image = CGImageSourceCreateImageAtIndex(source, 0, nil), let samples = image.dataProvider?.data as Data?
      else { throw InputError("this is no picture that iOS can decode", "Choose a JPEG, HEIC or PNG file") }
      let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [CFString: Any]
      let orientation = properties?[kCGImagePropertyOrientation] as? Int ?? Orientation.upright
      return try frame(of: image, [UInt8](samples), orientation)
    }

    private func frame(of image: CGImage, _ bytes: [UInt8], _ orientation: Int) throws -> Frame {
      let (width, height, stride) = (image.width, image.height, image.bytesPerRow)
      if image.bitsPerComponent != 8 {
        throw InputError("the picture has \(image.bitsPerComponent) bits a channel, not 8")
      }
      switch image.bitsPerPixel {
      case 8, 24:
        let channels = image.bitsPerPixel / 8
        let rows = (0..<height).flatMap { bytes[$0 * stride..<$0 * stride + width * channels] }
        return try RgbFrame().set(rows, width: width, height: height, channels: channels, orientation: orientation)
      case 32:
        let isReversed = image.bitmapInfo.contains(.byteOrder32Little)
        let isAlphaFirst = [.first, .noneSkipFirst, .premultipliedFirst].contains(image.alphaInfo)
        if isReversed != isAlphaFirst { throw InputError("the picture's channels are in an order that is not read") }
        return try RgbaFrame().set(
          bytes, width: width, height: height, order: isReversed ? .bgra : .rgba, rowStride: stride,
          orientation: orientation)
      default: throw InputError("the picture has \(image.bitsPerPixel) bits a pixel, which are not read")
      }
    }
  }
#endif
