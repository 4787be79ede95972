/// The facts and rules of one kind of head. Adding a kind is a file beside this one and a line of `HeadKind`.
protocol HeadType: Sendable {
  /// True if scores are compared with thresholds: then a head has one, or one a label, else none.
  var decidesByThreshold: Bool { get }

  /// True if labels, where a head has some, must be as many as its answers.
  var labelsEveryAnswer: Bool { get }

  /// See `HeadKind.hasShares`.
  var hasShares: Bool { get }

  /// False for a kind that decides nothing: only its values can be compared.
  var decides: Bool { get }

  /// False for a kind that says yes or no to each of several labels; it has no meaning where nothing is decided.
  var isOneClass: Bool { get }

  /// The number of scores that it makes of an output of so many numbers.
  func scoreCount(_ numbers: Int) -> Int

  /// Fill the scores of an answer from activated values.
  func score(_ values: Memory<Float>, _ answer: LiveAnswer)

  /// Set the decisions of an answer that has its scores, of the output as the model gave it.
  func decide(_ output: Memory<Float>, _ answer: LiveAnswer)

  /// See `Answer.shown(_:)`.
  func shown(_ answer: Answer, most: Int) -> [Top]
}

extension HeadType {
  var decidesByThreshold: Bool { false }
  var labelsEveryAnswer: Bool { true }
  var hasShares: Bool { true }
  var decides: Bool { true }
  var isOneClass: Bool { true }

  func scoreCount(_ numbers: Int) -> Int { numbers }

  func score(_ values: Memory<Float>, _ answer: LiveAnswer) {
    answer.values.copy(values.count, from: values, at: 0, to: 0)
  }
}

extension HeadKind {
  var type: any HeadType {
    switch self {
    case .classification: Classification()
    case .binary: Binary()
    case .multilabel: Multilabel()
    case .regression: Regression()
    }
  }
}

/// One head of a bundle, which turns an output of one artifact into scores and decisions.
struct Head {
  /// The head's record in the manifest.
  let spec: HeadSpec

  /// The number of its output among those of the artifact.
  let place: Int

  /// What is still to be applied to that output; the artifact may apply the record's by itself.
  let activation: Activation

  let type: any HeadType
  private let row: Memory<Float>

  init(_ spec: HeadSpec, place: Int, activation: Activation, numbers: Int) {
    self.spec = spec
    self.place = place
    self.activation = activation
    type = spec.kind.type
    row = Memory(repeating: 0, count: numbers)
  }

  /// The heads of a bundle, for the source model's own outputs.
  static func all(of manifest: Manifest) -> [Head] {
    manifest.heads.compactMap { spec in
      guard let place = manifest.outputs.firstIndex(where: { $0.name == spec.outputs[0] }) else { return nil }
      let numbers = manifest.outputs[place].shape.dropFirst().reduce(1, *)
      return Head(spec, place: place, activation: spec.activation, numbers: numbers)
    }
  }

  /// The heads of a bundle, for the outputs of one of its artifacts.
  static func all(of manifest: Manifest, _ artifact: Artifact) -> [Head] {
    manifest.heads.compactMap { spec in
      guard let place = artifact.outputs.firstIndex(where: { $0.name == spec.outputs[0] }) else { return nil }
      let output = artifact.outputs[place]
      let left = output.activation == .none ? spec.activation : .none
      return Head(spec, place: place, activation: left, numbers: sampleCount(output))
    }
  }

  /// How many numbers its output has.
  var numbers: Int { row.count }

  /// An answer of the right size, to be filled again and again.
  func answer() -> LiveAnswer { LiveAnswer(spec, count: type.scoreCount(row.count)) }

  /// Fill an answer from an output's real values.
  ///
  /// - Throws: `EngineError` if the model gave NaN, so that there is nothing to decide.
  func read(_ output: Memory<Float>, into answer: LiveAnswer) throws {
    row.copy(row.count, from: output, at: 0, to: 0)
    activate(row, activation)
    type.score(row, answer)
    if !type.decides { return }
    for i in answer.values.indices where answer.values[i].isNaN {
      throw EngineError("the model's output is NaN", "Use another precision")
    }
    type.decide(output, answer)
  }

  /// The decisions that an output leads to, all of whose numbers are finite: the index of a class, or a 1 or 0 for each label.
  func decisions(_ output: [Float]) throws -> [Int] {
    let answer = answer()
    try read(Memory(output), into: answer)
    return decisions(of: answer)
  }

  /// The decisions of an answer that was filled, as numbers.
  func decisions(of answer: LiveAnswer) -> [Int] {
    type.isOneClass ? [answer.index ?? 0] : answer.holding.array.map { $0 ? 1 : 0 }
  }
}
