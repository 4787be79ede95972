#if canImport(AVFoundation)
  @preconcurrency import AVFoundation
  import EdgeCV
  import Foundation

  /// The back camera: its session, its frames, and how the device is held. Frames that come while one is worked on are dropped.
  @available(iOS 17, macOS 14, *)
  public actor Camera {
    /// What a preview layer shows.
    public nonisolated let session = AVCaptureSession()

    private let output = AVCaptureVideoDataOutput()
    private let queue = DispatchQueue(label: "dev.edgecv.camera")
    private var receiver: FrameReceiver?
    private var observers: [any NSObjectProtocol] = []

    /// A camera that is not started yet.
    public init() {}

    /// Ask the person where nobody has decided yet.
    public func access() async -> CameraAccess {
      guard AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back) != nil else { return .missing }
      switch AVCaptureDevice.authorizationStatus(for: .video) {
      case .authorized: return .granted
      case .notDetermined: return await AVCaptureDevice.requestAccess(for: .video) ? .granted : .refused
      default: return .refused
      }
    }

    /// Start; each frame goes to `handle` on the camera's own queue, always the same object.
    ///
    /// - Parameter told: Is told of interruptions, and of an end that nobody asked for.
    /// - Throws: `EngineError` if the camera cannot be used.
    public func start(
      _ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void
    ) throws {
      stop()
      guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back) else {
        throw EngineError("this device has no camera that gives frames")
      }
      let receiver = FrameReceiver(AVCaptureDevice.RotationCoordinator(device: device, previewLayer: nil), handle)
      try configure(device, receiver)
      self.receiver = receiver
      watch(told)
      session.startRunning()
    }

    /// Give the camera back.
    public func stop() {
      for observer in observers { NotificationCenter.default.removeObserver(observer) }
      observers = []
      if session.isRunning { session.stopRunning() }
      receiver = nil
    }

    private func watch(_ told: @escaping @Sendable (CameraEvent) -> Void) {
      func observe(_ name: Notification.Name, _ event: @escaping @Sendable (Notification) -> CameraEvent) {
        observers.append(
          NotificationCenter.default.addObserver(forName: name, object: session, queue: nil) { told(event($0)) })
      }
      observe(AVCaptureSession.wasInterruptedNotification) { .interrupted(CameraInterruption($0)) }
      observe(AVCaptureSession.interruptionEndedNotification) { _ in .resumed }
      observe(AVCaptureSession.runtimeErrorNotification) { notification in
        let error = notification.userInfo?[AVCaptureSessionErrorKey] as? any Error
        return .failed(error?.localizedDescription ?? "the camera's session ended")
      }
    }

    private func configure(_ device: AVCaptureDevice, _ receiver: FrameReceiver) throws {
      let input: AVCaptureDeviceInput
      do {
        input = try AVCaptureDeviceInput(device: device)
      } catch {
        throw EngineError("the camera cannot be opened: \(error.localizedDescription)")
      }
      session.beginConfiguration()
      defer { session.commitConfiguration() }
      session.sessionPreset = .hd1920x1080
      for old in session.inputs { session.removeInput(old) }
      for old in session.outputs { session.removeOutput(old) }
      guard session.canAddInput(input), session.canAddOutput(output) else {
        throw EngineError("the camera gives no frames", "Close other apps that use it")
      }
      session.addInput(input)
      session.addOutput(output)
      output.alwaysDiscardsLateVideoFrames = true
      output.videoSettings = [
        kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
      ]
      output.setSampleBufferDelegate(receiver, queue: queue)
    }
  }

  extension CameraInterruption {
    /// The reason that a notification of the session gives; macOS gives none.
    fileprivate init(_ notification: Notification) {
      self = .unknown
      #if !os(macOS)
        let number = notification.userInfo?[AVCaptureSessionInterruptionReasonKey] as? Int
        switch number.flatMap({ AVCaptureSession.InterruptionReason(rawValue: $0) }) {
        case .videoDeviceNotAvailableInBackground: self = .inBackground
        case .videoDeviceInUseByAnotherClient, .audioDeviceInUseByAnotherClient: self = .usedElsewhere
        case .videoDeviceNotAvailableWithMultipleForegroundApps: self = .besideOtherApps
        case .videoDeviceNotAvailableDueToSystemPressure: self = .heat
        default: break
        }
      #endif
    }
  }

  /// Takes the camera's buffers on its queue.
  @available(iOS 17, macOS 14, *)
  private final class FrameReceiver: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate {
    private let frame = YuvFrame()
    private let rotation: AVCaptureDevice.RotationCoordinator
    private let handle: (YuvFrame) -> Void

    init(_ rotation: AVCaptureDevice.RotationCoordinator, _ handle: @escaping (YuvFrame) -> Void) {
      self.rotation = rotation
      self.handle = handle
    }

    func captureOutput(
      _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
      let angle = Int(rotation.videoRotationAngleForHorizonLevelCapture)
      guard let buffer = CMSampleBufferGetImageBuffer(sampleBuffer),
        let filled = try? frame.set(buffer, rotation: angle)
      else { return }  // a frame of another kind is one that is dropped
      handle(filled)
    }
  }
#endif
