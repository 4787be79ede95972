// Only what is used, from Apple's documentation of AVFoundation and Core Media.
@_exported import CoreVideo
import Foundation

public class CMSampleBuffer {}

public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVImageBuffer? { fatalError() }

public struct AVMediaType: Sendable {
  public static let video = AVMediaType()
}

public enum AVAuthorizationStatus: Int, Sendable { case notDetermined, restricted, denied, authorized }

open class AVCaptureDevice: NSObject {
  public struct DeviceType: Sendable {
    public static let builtInWideAngleCamera = DeviceType()
  }

  public enum Position: Int, Sendable { case unspecified, back, front }

  @available(iOS 17, *)
  open class RotationCoordinator: NSObject {
    public init(device: AVCaptureDevice, previewLayer: AVCaptureVideoPreviewLayer?) { fatalError() }
    open var videoRotationAngleForHorizonLevelCapture: Double { fatalError() }
    open var videoRotationAngleForHorizonLevelPreview: Double { fatalError() }
  }

  open class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position) -> AVCaptureDevice? {
    fatalError()
  }
  open class func authorizationStatus(for mediaType: AVMediaType) -> AVAuthorizationStatus { fatalError() }
  open class func requestAccess(for mediaType: AVMediaType) async -> Bool { fatalError() }
}

open class AVCaptureInput: NSObject {}

open class AVCaptureDeviceInput: AVCaptureInput {
  public init(device: AVCaptureDevice) throws { fatalError() }
}

open class AVCaptureConnection: NSObject {
  open var videoRotationAngle: Double = 0
}

open class AVCaptureOutput: NSObject {}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
  func captureOutput(
    _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

open class AVCaptureVideoDataOutput: AVCaptureOutput {
  open var videoSettings: [String: Any]!
  open var alwaysDiscardsLateVideoFrames = true
  open func setSampleBufferDelegate(
    _ sampleBufferDelegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue sampleBufferCallbackQueue: DispatchQueue?
  ) { fatalError() }
}

open class AVCaptureSession: NSObject {
  public struct Preset: Sendable {
    public static let hd1920x1080 = Preset()
  }

  public enum InterruptionReason: Int, Sendable {
    case videoDeviceNotAvailableInBackground = 1
    case audioDeviceInUseByAnotherClient = 2
    case videoDeviceInUseByAnotherClient = 3
    case videoDeviceNotAvailableWithMultipleForegroundApps = 4
    case videoDeviceNotAvailableDueToSystemPressure = 5
  }

  open class var wasInterruptedNotification: NSNotification.Name { fatalError() }
  open class var interruptionEndedNotification: NSNotification.Name { fatalError() }
  open class var runtimeErrorNotification: NSNotification.Name { fatalError() }
  open var sessionPreset = Preset()
  open var inputs: [AVCaptureInput] { fatalError() }
  open var outputs: [AVCaptureOutput] { fatalError() }
  open var isRunning: Bool { fatalError() }
  open func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
  open func addInput(_ input: AVCaptureInput) { fatalError() }
  open func removeInput(_ input: AVCaptureInput) { fatalError() }
  open func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
  open func addOutput(_ output: AVCaptureOutput) { fatalError() }
  open func removeOutput(_ output: AVCaptureOutput) { fatalError() }
  open func beginConfiguration() { fatalError() }
  open func commitConfiguration() { fatalError() }
  open func startRunning() { fatalError() }
  open func stopRunning() { fatalError() }
}

public let AVCaptureSessionInterruptionReasonKey = ""
public let AVCaptureSessionErrorKey = ""

public struct AVLayerVideoGravity: Sendable {
  public static let resizeAspect = AVLayerVideoGravity()
}

open class AVCaptureVideoPreviewLayer: CALayer {
  open var session: AVCaptureSession?
  open var videoGravity = AVLayerVideoGravity()
  open var connection: AVCaptureConnection? { fatalError() }
}

/// Of Core Animation.
open class CALayer: NSObject {
  public override init() { fatalError() }
}
