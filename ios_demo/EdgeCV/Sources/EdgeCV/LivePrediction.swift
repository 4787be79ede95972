/// The answer of one head for the last sample. It belongs to a `LivePrediction` and is filled again for the next one.
public final class LiveAnswer {
  /// The head's record: its name, kind, title and unit.
  public let head: HeadSpec

  /// The winning class, or nil for multilabel and regression.
  public internal(set) var index: Int?

  let values: Memory<Float>
  let holding: Memory<Bool>
  let thresholds: [Float]

  init(_ head: HeadSpec, count: Int) {
    self.head = head
    values = Memory(repeating: 0, count: count)
    holding = Memory(repeating: false, count: count)
    thresholds = head.thresholds.map { Float($0) }
  }

  /// How many scores there are: one for each class, label or column.
  public var count: Int { values.count }

  /// One of the scores; of a binary output p they are (1 - p, p).
  public func score(_ index: Int) -> Float { values[index] }

  /// Says whether a label holds; false but for multilabel.
  public func holds(_ index: Int) -> Bool { holding[index] }

  /// The name of what a score belongs to, or its index as text.
  public func label(_ index: Int) -> String { head.label(index) }

  /// Fill a list with the indices of the best scores, best first, ties by index; -1 where there are no more.
  public func best(into places: inout [Int]) {
    for place in places.indices {
      var found = -1
      for i in values.indices where found == -1 || values[i] > values[found] {
        if !places[..<place].contains(i) { found = i }
      }
      places[place] = found
    }
  }

  /// The same as a value of the caller's own.
  public func answer() -> Answer { Answer(head: head, index: index, scores: values.array, holds: holding.array) }
}

/// The answers of all heads of a model for the last sample. A `Predictor` has one and fills it again each time, so that a frame
/// costs no allocation: read it before the next one, or take `prediction()`. `index`, `label` and `best` are those of the first
/// head, which most models have alone.
public final class LivePrediction {
  /// One for each head of the bundle, in the manifest's order.
  public let answers: [LiveAnswer]

  /// The durations of the stages.
  public internal(set) var times = StageTimes(preprocessNs: 0, inferenceNs: 0, postprocessNs: 0)

  let outputs: [Memory<Float>]
  private let names: [String]

  init(answers: [LiveAnswer], outputs: [Memory<Float>], names: [String]) {
    self.answers = answers
    self.outputs = outputs
    self.names = names
  }

  /// See `LiveAnswer.index`.
  public var index: Int? { answers[0].index }

  /// See `LiveAnswer.label(_:)`.
  public func label(_ index: Int) -> String { answers[0].label(index) }

  /// See `LiveAnswer.best(into:)`.
  public func best(into places: inout [Int]) { answers[0].best(into: &places) }

  /// The same as a value of the caller's own.
  public func prediction() -> Prediction {
    Prediction(
      answers: answers.map { $0.answer() },
      outputs: Dictionary(uniqueKeysWithValues: zip(names, outputs.map(\.array))),
      times: times)
  }
}

/// Reads an artifact's raw outputs: makes real numbers of them, and lets each head answer for its own.
final class OutputReader {
  let prediction: LivePrediction
  private let real: [RealOutput]
  private let heads: [Head]

  init(_ manifest: Manifest, _ artifact: Artifact) {
    real = artifact.outputs.map { RealOutput($0) }
    heads = Head.all(of: manifest, artifact)
    prediction = LivePrediction(
      answers: heads.map { $0.answer() },
      outputs: real.map { Memory(repeating: 0, count: $0.count) },
      names: artifact.outputs.map(\.name))
  }

  /// Fill the outputs with real values, and leave the answers as they are.
  func readReal(_ outputs: [Tensor]) {
    for i in real.indices { real[i].read(outputs[i], into: prediction.outputs[i]) }
  }

  /// Fill the outputs and the answers.
  ///
  /// - Throws: `EngineError` if the model gave NaN to a head that decides.
  func read(_ outputs: [Tensor]) throws {
    readReal(outputs)
    for i in heads.indices { try heads[i].read(prediction.outputs[heads[i].place], into: prediction.answers[i]) }
  }
}
