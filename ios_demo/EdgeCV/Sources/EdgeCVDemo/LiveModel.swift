import EdgeCV
import EdgeCVCamera
import Foundation
import Observation

/// What the live screen shows.
public enum LiveState: Equatable, Sendable {
  case loading(String)
  case failed(Problem)
  case noPermission
  case noCamera
  case takesTensors
  case interrupted(String)
  case live
}

/// A camera, as the live screen needs it.
public protocol LiveCamera: Sendable {
  /// Ask the person where nobody has decided yet.
  func access() async -> CameraAccess

  /// Start; frames go to `handle` one after the other, those that come meanwhile are dropped. `told` is told of what befalls
  /// the camera.
  func start(
    _ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void
  ) async throws

  /// Give the camera back.
  func stop() async
}

/// The answers to one frame, in words and as what is drawn over it.
public struct LiveAnswers: Equatable, Sendable {
  public let lines: [String]
  public let times: String
  public let marks: Marks?

  init(_ answers: [Answer], _ times: StageTimes, _ picture: PicturePlace?) {
    lines = Lines.answers(answers)
    self.times = Lines.times(times)
    marks = Marks(answers, picture)
  }

  /// Those of a screen that has none yet.
  init() { (lines, times, marks) = ([], "", nil) }
}

/// The logic of the live screen.
@available(iOS 17, macOS 14, *)
@MainActor @Observable public final class LiveModel {
  /// What is shown.
  public private(set) var state = LiveState.loading(Words.checking)

  /// The answers to the last frame.
  public private(set) var answers = LiveAnswers()

  /// What runs the model, on which processors where the system tells, and the parts of the bundle that were left out.
  public private(set) var facts: [String] = []

  /// The verdict of the golden cases.
  public private(set) var verdict = ""

  private let demo: Demo
  private let camera: any LiveCamera
  private var isInterrupted = false

  /// A screen that is not started yet.
  public init(_ demo: Demo, _ camera: any LiveCamera) {
    self.demo = demo
    self.camera = camera
  }

  /// Open the bundle, run its golden cases where they were not run yet, and start the camera.
  public func start() async {
    state = .loading(Words.checking)
    do {
      let opened = try await Opening.open(demo)
      facts = opened.facts
      verdict = opened.verdict
      if !opened.takesPictures {
        state = .takesTensors
        return
      }
      await startCamera()
    } catch {
      state = .failed(Problem(error))
    }
  }

  /// Give the camera back, as an app must that is not in front.
  public func stop() async { await camera.stop() }

  private func startCamera() async {
    switch await camera.access() {
    case .refused: state = .noPermission
    case .missing: state = .noCamera
    case .granted:
      state = .loading(Words.opening)
      let (stream, continuation) = AsyncStream.makeStream(of: FrameOutcome.self, bufferingPolicy: .bufferingNewest(1))
      let (events, teller) = AsyncStream.makeStream(of: CameraEvent.self)
      isInterrupted = false
      do {
        try await Answering.start(demo, camera, continuation) { teller.yield($0) }
      } catch {
        state = .failed(Problem(error))
        return
      }
      let watching = Task { for await event in events { show(event) } }
      for await outcome in stream { show(outcome) }
      watching.cancel()
    }
  }

  private func show(_ event: CameraEvent) {
    switch event {
    case .interrupted(let reason):
      isInterrupted = true
      state = .interrupted(Words.interrupted(reason))
    case .resumed:
      isInterrupted = false
      state = .loading(Words.opening)
    case .failed(let words):
      isInterrupted = true
      state = .failed(Problem(Words.cameraStopped(words)))
    }
  }

  private func show(_ outcome: FrameOutcome) {
    switch outcome {
    case .answered(let answers):
      self.answers = answers
      if !isInterrupted { state = .live }  // a frame of before may be answered after an interruption
    case .failed(let problem): state = .failed(problem)
    }
  }
}

/// What became of a frame.
enum FrameOutcome: Sendable {
  case answered(LiveAnswers)
  case failed(Problem)
}

/// What is known once the bundle is open.
private struct Opening: Sendable {
  let facts: [String]
  let verdict: String
  let takesPictures: Bool

  /// Open the bundle off the main actor, which goes on drawing.
  nonisolated static func open(_ demo: Demo) async throws -> Opening {
    let predictor = try demo.open()
    let manifest = predictor.bundle.manifest
    return Opening(
      facts: [predictor.describe()] + (await plan(of: predictor)) + predictor.bundle.leftOut.map(Words.leftOut),
      verdict: try demo.verdict(of: predictor),
      takesPictures: manifest.inputs.count == 1 && manifest.preprocess.values.allSatisfy { $0.kind == .image })
  }

  /// The processors that the runtime means to use, where it tells; why not, where it should.
  private nonisolated static func plan(of predictor: Predictor) async -> [String] {
    do {
      return try await predictor.plan().map { [Lines.plan($0)] } ?? []
    } catch {
      return [Problem(error).text]
    }
  }
}

/// Answers frames on the camera's own thread, with a predictor of its own.
private enum Answering {
  nonisolated static func start(
    _ demo: Demo, _ camera: any LiveCamera, _ outcomes: AsyncStream<FrameOutcome>.Continuation,
    told: @escaping @Sendable (CameraEvent) -> Void
  ) async throws {
    let predictor = try demo.open()
    let handle: (YuvFrame) -> Void = { frame in
      do {
        let live = try predictor.run(frame)
        outcomes.yield(.answered(LiveAnswers(live.answers.map { $0.answer() }, live.times, live.picture)))
      } catch {
        outcomes.yield(.failed(Problem(error)))
      }
    }
    try await camera.start(handle, told: told)
  }
}
