import EdgeCV
import Foundation
import Observation

/// The logic of the photo screen.
@available(iOS 17, macOS 14, *)
@MainActor @Observable public final class PhotoModel {
  /// What is shown.
  public enum State: Equatable, Sendable {
    case waiting
    case working
    case answered(LiveAnswers)
    case failed(Problem)
  }

  /// What is shown now.
  public private(set) var state = State.waiting

  private let demo: Demo

  /// A screen without a photo.
  public init(_ demo: Demo) { self.demo = demo }

  /// Answer for an encoded photo.
  public func answer(_ photo: Data) async {
    state = .working
    do {
      state = .answered(try await PhotoModel.answers(demo, photo))
    } catch {
      state = .failed(Problem(error))
    }
  }

  /// Say that a photo could not be had.
  public func fail(_ error: any Error) { state = .failed(Problem(error)) }

  private nonisolated static func answers(_ demo: Demo, _ photo: Data) async throws -> LiveAnswers {
    let (predictor, frame) = (try demo.open(), try demo.decoder.decode(photo))
    let made = try predictor.predict(frame)
    // A model that takes pictures as they are stored finds places that lie elsewhere in what a person sees.
    let isTurned = frame.orientation != 1 && predictor.bundle.manifest.preprocess.values.contains { $0.orientation == .ignore }
    return LiveAnswers(made.answers, made.times, isTurned ? nil : made.picture)
  }
}
