@preconcurrency import AVFoundation
import EdgeCV
import EdgeCVCamera
import EdgeCVCoreAI
import EdgeCVCoreML
import EdgeCVDemo
import EdgeCVLiteRT
import Foundation
import SwiftUI

/// The app: a live camera, a photo, and a benchmark, of the bundle in its folder `Bundles`.
@main struct DemoApp: App {
  @State private var live: LiveModel
  @State private var photo = PhotoModel(.app)
  @State private var bench = BenchModel(.app, BenchOptions(), Device.facts(model: UIDevice.current.model))

  private let session: AVCaptureSession

  init() {
    let camera = Camera()
    session = camera.session
    _live = State(wrappedValue: LiveModel(.app, PhoneCamera(camera: camera)))
  }

  var body: some Scene {
    WindowGroup {
      TabView {
        LiveView(model: live, session: session).tabItem { Label(Words.live, systemImage: "camera") }
        PhotoView(model: photo).tabItem { Label(Words.photo, systemImage: "photo") }
        BenchView(model: bench).tabItem { Label(Words.benchmark, systemImage: "stopwatch") }
      }
    }
  }
}

extension Demo {
  /// Core ML first, since it has the Neural Engine; LiteRT where the app is linked with it; Core AI last, which is experimental.
  fileprivate static var app: Demo {
    let bundles = Bundle.main.resourceURL?.appendingPathComponent("Bundles")
    var engines: [any EngineFactory] = [CoreMLEngine.Factory(), LiteRtEngine.Factory()]
    #if canImport(CoreAI)
      if #available(iOS 27, *) { engines.append(CoreAIEngine.Factory()) }
    #endif
    let version = Bundle.main.object(forInfoDictionaryKey: "CFBundleVersion") as? String ?? ""
    return Demo(
      bundles: bundles, engines: engines, decoder: ImageDecoder(), verdicts: SettingsStore(), version: version)
  }
}

/// The phone's camera as the live screen needs it.
private struct PhoneCamera: LiveCamera {
  let camera: Camera

  func access() async -> CameraAccess { await camera.access() }

  func start(
    _ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void
  ) async throws {
    try await camera.start(handle, told: told)
  }

  func stop() async { await camera.stop() }
}
