import EdgeCVDemo
import SwiftUI

/// The benchmark of the bundle, and its result to share.
struct BenchView: View {
  let model: BenchModel

  var body: some View {
    VStack {
      switch model.state {
      case .waiting: Button(Words.start) { model.start() }
      case .measuring(let progress):
        Text(Words.measuring)
        ProgressView(value: Double(progress.done), total: Double(max(progress.total, 1)))
          .accessibilityLabel(progress.doing)
        Text(progress.doing).font(.footnote)
        Button(Words.stop) { model.stop() }
      case .failed(let problem):
        Text(problem.text)
        Button(Words.tryAgain) { model.start() }
      case .done(let lines, let file):
        LinesView(lines: lines, font: .body)
        ShareLink(Words.share, item: file)
        Button(Words.start) { model.start() }
      }
    }
    .padding()
  }
}
