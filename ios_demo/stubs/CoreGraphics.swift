// Only what is used, from Apple's documentation of Core Graphics. On Apple's systems strings and data are bridged to CFString
// and CFData; here they are the same.
import Foundation

public typealias CFString = String
public typealias CFData = Data
public typealias CFDictionary = [AnyHashable: Any]

public final class CGDataProvider {
  public init?(data: CFData) { fatalError() }
  public var data: CFData? { fatalError() }
}

public enum CGImageAlphaInfo: UInt32, Sendable {
  case none, premultipliedLast, premultipliedFirst, last, first, noneSkipLast, noneSkipFirst, alphaOnly
}

public enum CGImageByteOrderInfo: UInt32, Sendable {
  case orderMask, order16Little, order32Little, order16Big, order32Big, orderDefault
}

public enum CGColorSpaceModel: Int32, Sendable {
  case unknown, monochrome, rgb, cmyk, lab, deviceN, indexed, pattern, XYZ
}

public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

public enum CGColorRenderingIntent: Int32, Sendable {
  case defaultIntent, absoluteColorimetric, relativeColorimetric, perceptual, saturation
}

public final class CGColorSpace {
  public static let sRGB: CFString = ""
  public init?(name: CFString) { fatalError() }
  public var model: CGColorSpaceModel { fatalError() }
  public var baseColorSpace: CGColorSpace? { fatalError() }
  public var colorTable: [UInt8]? { fatalError() }
}

public final class CGImage {
  public init?(
    width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int, space: CGColorSpace,
    bitmapInfo: CGBitmapInfo, provider: CGDataProvider, decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool,
    intent: CGColorRenderingIntent
  ) { fatalError() }
  public var width: Int { fatalError() }
  public var height: Int { fatalError() }
  public var bytesPerRow: Int { fatalError() }
  public var bitsPerComponent: Int { fatalError() }
  public var bitsPerPixel: Int { fatalError() }
  public var alphaInfo: CGImageAlphaInfo { fatalError() }
  public var byteOrderInfo: CGImageByteOrderInfo { fatalError() }
  public var colorSpace: CGColorSpace? { fatalError() }
  public var dataProvider: CGDataProvider? { fatalError() }
}
