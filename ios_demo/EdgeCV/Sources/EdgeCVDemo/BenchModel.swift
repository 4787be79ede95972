import EdgeCV
import Foundation
import Observation

/// The logic of the benchmark screen.
@available(iOS 17, macOS 14, *)
@MainActor @Observable public final class BenchModel {
  /// What is shown.
  public enum State: Equatable, Sendable {
    case waiting
    case measuring(BenchProgress)
    case done(lines: [String], file: URL)
    case failed(Problem)
  }

  /// What is shown now.
  public private(set) var state = State.waiting

  private let demo: Demo
  private let options: BenchOptions
  private let machine: BenchMachine
  private var task: Task<Void, Never>?

  /// A benchmark that is not started yet, of this device.
  public init(_ demo: Demo, _ options: BenchOptions = BenchOptions(), _ machine: BenchMachine) {
    self.demo = demo
    self.options = options
    self.machine = machine
  }

  /// Measure; what is shared in the end is JSON that `edgecv bench BUNDLE --import FILE` reads.
  public func start() {
    task?.cancel()
    state = .measuring(BenchProgress(done: 0, total: 1, doing: Words.measuring))
    let (progress, continuation) = AsyncStream.makeStream(of: BenchProgress.self, bufferingPolicy: .bufferingNewest(1))
    task = Task { [demo, options, machine] in
      let work = Task.detached {
        defer { continuation.finish() }
        return try BenchModel.measure(demo, options, machine) { continuation.yield($0) }
      }
      await withTaskCancellationHandler {
        for await turn in progress { state = .measuring(turn) }
        do {
          let (lines, file) = try await work.value
          state = .done(lines: lines, file: file)
        } catch is CancellationError {
          state = .waiting
        } catch {
          state = .failed(Problem(error))
        }
      } onCancel: {
        work.cancel()
      }
    }
  }

  /// End the benchmark after the turn that is under way.
  public func stop() { task?.cancel() }

  /// Wait until it has ended.
  public func finish() async { await task?.value }

  private nonisolated static func measure(
    _ demo: Demo, _ options: BenchOptions, _ machine: BenchMachine, _ watcher: (BenchProgress) -> Void
  ) throws -> ([String], URL) {
    let bundle = try ModelBundle.open(demo.place())
    let result = try Benchmark(bundle, demo.engines, machine, demo.decoder).run(options, watcher: watcher)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(bundle.name)-bench.json")
    try Data(result.json().utf8).write(to: file, options: .atomic)
    return (Lines.result(result), file)
  }
}
