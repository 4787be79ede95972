// Only what is used, from Apple's documentation of Core Graphics. On Apple's systems strings and data are bridged to CFString
// and CFData; here they are the same.
import Foundation

public typealias CFString = String
public typealias CFData = Data
public typealias CFDictionary = [AnyHashable: Any]

public final class CGDataProvider {
  public var data: CFData? { fatalError() }
}

public enum CGImageAlphaInfo: UInt32, Sendable {
  case none, premultipliedLast, premultipliedFirst, last, first, noneSkipLast, noneSkipFirst, alphaOnly
}

public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { fatalError() }
  public static var byteOrder32Little: CGBitmapInfo { fatalError() }
}

public final class CGImage {
  public var width: Int { fatalError() }
  public var height: Int { fatalError() }
  public var bytesPerRow: Int { fatalError() }
  public var bitsPerComponent: Int { fatalError() }
  public var bitsPerPixel: Int { fatalError() }
  public var alphaInfo: CGImageAlphaInfo { fatalError() }
  public var bitmapInfo: CGBitmapInfo { fatalError() }
  public var dataProvider: CGDataProvider? { fatalError() }
}
