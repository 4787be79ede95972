// Only what is used, from Apple's documentation of UIKit.
@_exported import AVFoundation
import Foundation

@MainActor open class UIView: NSObject {
  public override init() { fatalError() }
  open class var layerClass: AnyClass { fatalError() }
  open var layer: CALayer { fatalError() }
  open var isAccessibilityElement: Bool = false
}

open class UIImage: NSObject, @unchecked Sendable {
  public init?(data: Data) { fatalError() }
}

@MainActor open class UIDevice: NSObject {
  open class var current: UIDevice { fatalError() }
  open var model: String { fatalError() }
}

@MainActor open class UIApplication: NSObject {
  public nonisolated static let openSettingsURLString = ""
}
