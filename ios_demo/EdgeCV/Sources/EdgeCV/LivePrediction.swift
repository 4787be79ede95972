/// The answers of all heads of a model for the last sample. A `Predictor` has one and fills it again each time, so that a frame
/// costs no allocation: read it before the next one, or take `prediction()`. `index`, `label` and `best` are those of the first
/// head, which most models have alone.
public final class LivePrediction {
  /// One for each head of the bundle, in the manifest's order.
  public let answers: [LiveAnswer]

  /// The durations of the stages.
  public internal(set) var times = StageTimes(preprocessNs: 0, inferenceNs: 0, postprocessNs: 0)

  /// Where the picture lies in the model's input, and how large it is; nil of what was no picture.
  public internal(set) var picture: PicturePlace?

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
      times: times,
      picture: picture)
  }
}

/// Reads an artifact's raw outputs: makes real numbers of them, and lets each head answer for its own.
final class OutputReader {
  let prediction: LivePrediction
  private let real: [RealOutput]
  private let heads: [any Head]

  init(_ manifest: Manifest, _ artifact: Artifact) {
    real = artifact.outputs.map { RealOutput($0) }
    heads = Heads.of(manifest, artifact)
    prediction = LivePrediction(
      answers: heads.map { $0.answer() },
      outputs: real.map { Memory(repeating: 0, count: $0.count) },
      names: artifact.outputs.map(\.name))
  }

  /// Fill the outputs with real values, and leave the answers as they are.
  func readReal(_ outputs: [Tensor]) {
    for i in real.indices { real[i].read(outputs[i], into: prediction.outputs[i]) }
  }

  /// Fill the outputs and the answers, whose places are those in the picture; without one, those in the input.
  ///
  /// - Throws: `EngineError` if the model gave NaN to a head that decides.
  func read(_ outputs: [Tensor], _ picture: PicturePlace?) throws {
    readReal(outputs)
    prediction.picture = picture
    for i in heads.indices { try heads[i].read(prediction.outputs, into: prediction.answers[i], picture) }
  }
}
