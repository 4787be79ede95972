#if canImport(CoreGraphics) && canImport(ImageIO)
  import CoreGraphics
  import EdgeCV
  import Foundation
  import ImageIO

  /// Decodes pictures with ImageIO: the samples as the file has them, without colour management. `PictureSamples` says which
  /// pictures are read.
  public struct ImageDecoder: PictureDecoder {
    private static let undecodable = InputError(
      "this is no picture that this system can decode", "Choose a JPEG, HEIC or PNG file")

    /// A decoder.
    public init() {}

    public func decode(_ encoded: Data) throws -> Frame {
      guard let source = CGImageSourceCreateWithData(encoded as CFData, nil),
        let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [CFString: Any],
        let width = properties[kCGImagePropertyPixelWidth] as? Int,
        let height = properties[kCGImagePropertyPixelHeight] as? Int
      else { throw ImageDecoder.undecodable }
      try PictureSamples.checkSize(width: width, height: height)
      let once = [kCGImageSourceShouldCache: false] as CFDictionary  // no decoded copy stays in the system's memory
      guard let image = CGImageSourceCreateImageAtIndex(source, 0, once), let data = image.dataProvider?.data as Data?
      else { throw ImageDecoder.undecodable }
      var samples = PictureSamples(
        [UInt8](data), width: image.width, height: image.height, rowStride: image.bytesPerRow)
      samples.orientation = properties[kCGImagePropertyOrientation] as? Int ?? Orientation.upright
      try describe(&samples, image)
      return try samples.frame()
    }

    private func describe(_ samples: inout PictureSamples, _ image: CGImage) throws {
      samples.bitsPerComponent = image.bitsPerComponent
      samples.bitsPerPixel = image.bitsPerPixel
      samples.colors = image.alphaInfo == .alphaOnly ? .other("transparency alone") : colors(image.colorSpace)
      samples.isPremultiplied = [.premultipliedFirst, .premultipliedLast].contains(image.alphaInfo)
      switch image.alphaInfo {
      case .first, .premultipliedFirst, .noneSkipFirst: samples.alpha = .first
      case .last, .premultipliedLast, .noneSkipLast: samples.alpha = .last
      default: samples.alpha = .none
      }
      switch image.byteOrderInfo {
      case .orderDefault, .order32Big: samples.isReversed = false
      case .order32Little: samples.isReversed = true
      default: samples.colors = .other("in words of 16 bits")
      }
    }

    private func colors(_ space: CGColorSpace?) -> PictureSamples.Colors {
      switch space?.model {
      case .monochrome: return .gray
      case .rgb: return .rgb
      case .indexed:
        guard let table = space?.colorTable, space?.baseColorSpace?.model == .rgb else { return .other("a palette not of RGB") }
        return .palette(table)
      case .cmyk: return .other("CMYK")
      case .lab: return .other("Lab")
      default: return .other("of an unknown kind")
      }
    }
  }
#endif
