import Foundation

private let skipped = 0.1  // of a turn: what others left in the caches is not this artifact's fault
private let stepSeconds = 10.0
private let stageCount = 4
private let inferenceStage = 1

/// The samples that are predicted in rotation: encoded pictures where they can be decoded, else prepared tensors.
enum Samples {
  case pictures([Data], any PictureDecoder)
  case tensors([[String: [Float]]])

  var count: Int {
    switch self {
    case .pictures(let pictures, _): pictures.count
    case .tensors(let tensors): tensors.count
    }
  }
}

/// One artifact on one engine, and all that was measured of it; `row.notRun` says why it takes no more turns.
final class Course {
  private(set) var row: BenchRow
  private let samples: Samples
  private var predictor: Predictor?
  private var warmMedians: [Double] = []
  private var turnMedians: [Double] = []
  private var stages = [[Double]](repeating: [], count: stageCount)
  private var warmCount = 0
  private var warmSeconds = 0.0
  private var loadUs = 0.0
  private var coldUs = 0.0
  private var next = 0

  init(_ row: BenchRow, _ samples: Samples) {
    self.row = row
    self.samples = samples
  }

  var isRunning: Bool { row.notRun == nil }

  /// The median of the inferences.
  var typicalUs: Double { median(stages[inferenceStage]) }

  /// Says whether the warm-up has settled, or its time is up.
  func isWarm(_ limit: Double) -> Bool {
    isSettled(warmMedians) || (warmMedians.count >= twoWindows && warmSeconds >= limit)
  }

  func load(_ bundle: ModelBundle, _ artifact: Artifact, _ factory: any EngineFactory) {
    attempt {
      let began = now()
      let opened = try Predictor.open(bundle, artifact, factory, threads: row.threads)
      loadUs = micros(since: began)
      predictor = opened
      coldUs = try predict(opened)[inferenceStage]
    }
  }

  func warmUp(_ seconds: Double) {
    attempt { [self] in
      let began = now()
      let times = try turn(seconds)
      warmSeconds += micros(since: began) / 1e6
      warmCount += times.count
      warmMedians.append(median(times.map { $0[inferenceStage] }))
    }
  }

  func measure(_ seconds: Double) {
    attempt { [self] in
      let times = try turn(seconds)
      for stage in 0..<stageCount { stages[stage] += times.map { $0[stage] } }
      turnMedians.append(median(times.map { $0[inferenceStage] }))
    }
  }

  /// Predict without a pause, and note p50 and p90 of every ten seconds.
  func sustain(_ seconds: Double) {
    attempt { [self] in
      guard let predictor else { return }
      let began = now()
      var start = 0.0
      while start < seconds {
        let end = min(start + stepSeconds, seconds)
        var times: [Double] = []
        while times.isEmpty || micros(since: began) / 1e6 < end { times.append(try predict(predictor)[inferenceStage]) }
        let sorted = times.sorted()
        row.sustained.append(
          Sustained(
            second: tidy(start), count: times.count, p50Us: tidy(percentile(sorted, 50)), p90Us: tidy(percentile(sorted, 90))))
        start = max(end, micros(since: began) / 1e6)
      }
    }
  }

  /// All that was measured.
  func result(_ multiplyAdds: Int?) -> BenchRow {
    guard isRunning, let predictor, !stages[0].isEmpty else { return row }
    let (info, figures) = (predictor.backend, stages.map(latency))
    var row = row
    row.library = Library(name: info.name, version: info.version, providers: info.providers)
    (row.loadUs, row.coldUs) = (tidy(loadUs), tidy(coldUs))
    (row.preprocess, row.inference, row.postprocess, row.total) = (figures[0], figures[1], figures[2], figures[3])
    row.perSecond = tidy(1e6 / figures[3].meanUs)
    row.inferencesPerSecond = tidy(1e6 / max(figures[1].meanUs, 1e-3))
    row.warmUp = WarmUp(
      turns: warmMedians.count, count: warmCount, seconds: tidy(warmSeconds), stable: isSettled(warmMedians))
    row.drift = drift(turnMedians)
    row.turnP50Us = turnMedians.map(tidy)
    row.multiplyAddsPerSecond = multiplyAdds.map { tidy(1e6 * Double($0) / max(figures[1].p50Us, 1e-3)) }
    return row
  }

  /// Predict for so long, two times at least; the first tenth, once at least, is not counted.
  private func turn(_ seconds: Double) throws -> [[Double]] {
    guard let predictor else { return [] }
    let began = now()
    var times: [[Double]] = []
    repeat { _ = try predict(predictor) } while micros(since: began) / 1e6 < seconds * skipped
    repeat { times.append(try predict(predictor)) } while micros(since: began) / 1e6 < seconds
    return times
  }

  /// Predict the next sample: microseconds of the stages and of all, decoding included.
  private func predict(_ predictor: Predictor) throws -> [Double] {
    let place = next
    next = (next + 1) % samples.count
    let began = now()
    var decoded = 0.0
    let answer: LivePrediction
    switch samples {
    case .tensors(let tensors): answer = try predictor.runPrepared(tensors[place])
    case .pictures(let pictures, let decoder):
      let frame = try decoder.decode(pictures[place])
      decoded = micros(since: began)
      answer = try predictor.run(frame)
    }
    let times = answer.times
    return [
      decoded + Double(times.preprocessNs) / 1e3, Double(times.inferenceNs) / 1e3, Double(times.postprocessNs) / 1e3,
      micros(since: began),
    ]
  }

  /// Do something; if it fails, the others go on without this course.
  private func attempt(_ action: () throws -> Void) {
    if !isRunning { return }
    do {
      try action()
    } catch {
      let known = error as? any EdgeCVError
      row.notRun = [known?.message ?? error.localizedDescription, known?.hint].compactMap { $0 }.joined(separator: ". ")
      predictor = nil
    }
  }
}

/// Microseconds since a moment of `now`.
func micros(since began: UInt64) -> Double { Double(now() - began) / 1e3 }
