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
    let made = try demo.open().predict(demo.decoder.decode(photo))
    return LiveAnswers(lines: Lines.answers(made.answers), times: Lines.times(made.times))
  }
}
