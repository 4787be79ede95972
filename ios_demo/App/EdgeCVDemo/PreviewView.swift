@preconcurrency import AVFoundation
import EdgeCVDemo
import SwiftUI
import UIKit

/// The camera's picture, as the system shows it.
struct PreviewView: UIViewRepresentable {
  let session: AVCaptureSession

  func makeUIView(context: Context) -> LayerView {
    let view = LayerView()
    view.preview?.session = session
    view.preview?.videoGravity = .resizeAspect
    return view
  }

  func updateUIView(_ uiView: LayerView, context: Context) {}

  /// A view whose layer is the preview.
  final class LayerView: UIView {
    override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }

    var preview: AVCaptureVideoPreviewLayer? { layer as? AVCaptureVideoPreviewLayer }
  }
}
