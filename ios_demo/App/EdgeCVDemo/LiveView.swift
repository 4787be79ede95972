@preconcurrency import AVFoundation
import EdgeCV
import EdgeCVDemo
import SwiftUI

/// What the camera sees, and what each head of the model says of it.
struct LiveView: View {
  let model: LiveModel
  let session: AVCaptureSession

  @Environment(\.scenePhase) private var phase

  var body: some View {
    VStack {
      switch model.state {
      case .loading(let words): ProgressView(words)
      case .failed(let problem):
        Text(problem.text)
        Button(Words.tryAgain) { Task { await model.start() } }
      case .noPermission:
        Text(Words.noPermission)
      case .noCamera: Text(Words.noCamera)
      case .takesTensors: Text(Words.takesTensors)
      case .interrupted(let words): Text(words)
      case .live:
        PreviewView(session: session).accessibilityLabel(Words.pictureOfCamera).overlay {
          if let marks = model.answers.marks { MarksView(marks: marks) }
        }
        LinesView(lines: model.answers.lines, font: .title2)
      }
      Text(model.answers.times).font(.footnote)
      LinesView(lines: model.facts + [model.verdict], font: .footnote)
    }
    .padding()
    .task(id: phase) { if phase == .active { await model.start() } else { await model.stop() } }
  }
}

/// Lines of text, one below the other.
struct LinesView: View {
  let lines: [String]
  let font: Font

  var body: some View {
    VStack(alignment: .leading) { ForEach(lines, id: \.self) { Text($0).font(font) } }
  }
}
