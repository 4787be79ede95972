#if canImport(CoreVideo)
  import CoreVideo
  import EdgeCV
  import Foundation

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
#endif
