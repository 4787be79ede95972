import Foundation

private let mostInputs = 32

/// The progress of a benchmark: turns done, turns in all, and what is being done.
public struct BenchProgress: Equatable, Sendable {
  public let done: Int
  public let total: Int
  public let doing: String

  /// How far it is.
  public init(done: Int, total: Int, doing: String) {
    self.done = done
    self.total = total
    self.doing = doing
  }
}

/// Measures a bundle on this device: every artifact on every engine, in turns, so that a slow moment falls on all of them.
///
/// All rows share this process; so there is no row's own peak memory, and all artifacts are loaded at the same time. Run it in a
/// task that is not the main actor's; cancelling the task ends it after the turn that is under way.
public struct Benchmark: Sendable {
  private let bundle: ModelBundle
  private let engines: [any EngineFactory]
  private let machine: BenchMachine
  private let decoder: (any PictureDecoder)?

  /// A benchmark of one bundle.
  ///
  /// - Parameters:
  ///   - engines: What can run here; each brings a row for every artifact of its format and number of threads.
  ///   - machine: This device, from `Device.facts`.
  ///   - decoder: For the golden pictures; nil: the golden tensors are measured.
  public init(
    _ bundle: ModelBundle, _ engines: [any EngineFactory], _ machine: BenchMachine,
    _ decoder: (any PictureDecoder)? = nil
  ) {
    self.bundle = bundle
    self.engines = engines
    self.machine = machine
    self.decoder = decoder
  }

  /// Measure what the options ask for; a row that cannot run says why.
  ///
  /// - Parameter watcher: Is told of every turn before it begins; it should return at once.
  /// - Throws: `BundleError` if the bundle has nothing that was asked for, or is damaged; `EngineError` if nothing at all could
  ///   be measured; `BenchError` if an option is out of its range; `CancellationError` if the task was cancelled.
  public func run(_ options: BenchOptions, watcher: (BenchProgress) -> Void = { _ in }) throws -> BenchResult {
    try options.check()
    let chosen = try chosen(options)
    let samples = try samples()
    let courses = chosen.map { Course($0.row, samples) }
    for (number, (course, one)) in zip(courses, chosen).enumerated() {
      try tell("load", course, number, courses.count, watcher)
      course.load(bundle, one.artifact, one.factory)
    }
    try warmUp(courses, options, watcher)
    try measure(courses, options, watcher)
    if options.sustainedSeconds > 0 {
      for course in toSustain(courses, options) {
        try tell("sustain", course, 0, 1, watcher)
        course.sustain(options.sustainedSeconds)
      }
    }
    return try result(options, samples, courses.map { $0.result(bundle.manifest.provenance.source.multiplyAdds) })
  }

  private struct Choice {
    let artifact: Artifact
    let factory: any EngineFactory
    let row: BenchRow
  }

  private func chosen(_ options: BenchOptions) throws -> [Choice] {
    let backends = engines.map(\.backend)
    if let unknown = options.backends.first(where: { !backends.contains($0) }) {
      throw EngineError("unknown backend '\(unknown)'", "This app has \(backends.joined(separator: ", "))")
    }
    let artifacts = bundle.manifest.artifacts.filter {
      (options.targets.isEmpty || options.targets.contains($0.target.title))
        && (options.precisions.isEmpty || options.precisions.contains($0.precision))
    }
    let choices = artifacts.flatMap { artifact in
      engines.filter { fits($0, artifact, options) }.flatMap { factory in
        options.threadCounts.map { Choice(artifact: artifact, factory: factory, row: row(artifact, factory, $0)) }
      }
    }
    if !choices.isEmpty { return choices }
    throw BundleError(
      "no artifact of the bundle \(bundle.name) fits what was asked for",
      "It has \(bundle.manifest.artifacts.map(\.title).joined(separator: ", ")); this app runs "
        + backends.joined(separator: ", "))
  }

  private func fits(_ factory: any EngineFactory, _ artifact: Artifact, _ options: BenchOptions) -> Bool {
    factory.target == artifact.target && (options.backends.isEmpty || options.backends.contains(factory.backend))
  }

  private func row(_ artifact: Artifact, _ factory: any EngineFactory, _ threads: Int) -> BenchRow {
    BenchRow(
      artifact: artifact.file, target: artifact.target.title, precision: artifact.precision, sha256: artifact.sha256,
      bytes: artifact.bytes, backend: factory.backend, threads: threads)
  }

  private func samples() throws -> Samples {
    let cases = try bundle.golden().cases
    if let decoder, bundle.manifest.inputs.count == 1 {
      let pictures = try cases.compactMap(bundle.goldenPicture).prefix(mostInputs)
      if !pictures.isEmpty { return .pictures(Array(pictures), decoder) }
    }
    let tensors = try cases.prefix(mostInputs).map { try $0.inputs.mapValues(bundle.goldenTensor) }
    if tensors.isEmpty { throw BundleError("the bundle \(bundle.name) has no golden cases", makeAnew) }
    return .tensors(tensors)
  }

  /// Turns that do not count, until every course has settled or its time is up.
  private func warmUp(_ courses: [Course], _ options: BenchOptions, _ watcher: (BenchProgress) -> Void) throws {
    var done = 0
    while true {
      let waiting = courses.filter { $0.isRunning && !$0.isWarm(options.warmUpSeconds) }
      if waiting.isEmpty { return }
      for course in waiting {
        try tell("warm up", course, done, done + waiting.count, watcher)
        course.warmUp(options.turnSeconds)
        done += 1
      }
    }
  }

  /// One turn a round for every course, always in the same order.
  private func measure(_ courses: [Course], _ options: BenchOptions, _ watcher: (BenchProgress) -> Void) throws {
    for round in 0..<options.rounds {
      let running = courses.filter(\.isRunning)
      for (place, course) in running.enumerated() {
        try tell("measure", course, round * running.count + place, options.rounds * running.count, watcher)
        course.measure(options.turnSeconds)
      }
    }
  }

  /// All rows, or the fastest int8 row; the fastest of any precision where there is no int8.
  private func toSustain(_ courses: [Course], _ options: BenchOptions) -> [Course] {
    let running = courses.filter(\.isRunning)
    if options.sustainAll { return running }
    let integer = running.filter { $0.row.precision == "int8" || $0.row.precision == "mixed" }
    let fastest = (integer.isEmpty ? running : integer).min { $0.typicalUs < $1.typicalUs }
    return fastest.map { [$0] } ?? []
  }

  private func tell(
    _ doing: String, _ course: Course, _ done: Int, _ total: Int, _ watcher: (BenchProgress) -> Void
  ) throws {
    try Task.checkCancellation()
    watcher(BenchProgress(done: done, total: total, doing: "\(doing): \(course.row.title)"))
  }

  private func result(_ options: BenchOptions, _ samples: Samples, _ rows: [BenchRow]) throws -> BenchResult {
    if rows.allSatisfy({ $0.notRun != nil }) {
      throw EngineError("nothing could be measured; \(rows[0].title): \(rows[0].notRun ?? "")")
    }
    var machine = machine
    machine.throttled = machine.throttled == true ? true : Device.isHot
    let against = reasonsAgainst(rows, machine)
    let source = bundle.manifest.provenance.source
    return BenchResult(
      schemaVersion: resultVersion, name: bundle.name, identity: bundle.identity,
      task: bundle.manifest.heads.map(\.kind.title).joined(separator: ", "),
      created: ISO8601DateFormatter().string(from: Date()), place: BenchPlace(kind: "here"), machine: machine,
      settings: settings(options, samples), rows: rows, multiplyAdds: source.multiplyAdds, stable: against.isEmpty,
      unstable: against, notes: notes(options, rows))
  }

  private func settings(_ options: BenchOptions, _ samples: Samples) -> BenchSettings {
    let input = if case .pictures = samples { "pictures" } else { "tensors" }
    return BenchSettings(
      rounds: options.rounds, seconds: options.seconds, warmUpSeconds: options.warmUpSeconds,
      sustainedSeconds: options.sustainedSeconds, threads: options.threadCounts, input: input, data: "golden",
      inputs: samples.count)
  }

  private func notes(_ options: BenchOptions, _ rows: [BenchRow]) -> [String] {
    let failed = bundle.manifest.artifacts.filter { $0.parity == .failed }
    let alone = options.sustainAll ? [] : rows.filter { !$0.sustained.isEmpty }
    return failed.map { "\($0.file) failed its proof when the bundle was made" }
      + alone.map { "Only \($0.title) was run for \(options.sustainedSeconds) s without a pause" }
  }
}
