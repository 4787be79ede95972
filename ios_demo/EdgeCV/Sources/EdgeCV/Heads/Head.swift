private let nothing = -1  // the decision of a sample whose outputs are not finite

/// What a head is made of: its record with the form of its outputs, the numbers of these among the outputs of an artifact, in the
/// order of the record, and what is still to be applied to them; the artifact may apply the record's by itself.
struct HeadSetting {
  let form: HeadForm
  let places: [Int]
  let activation: Activation
}

/// One head of a bundle, which turns outputs of one artifact into answers, and the facts and rules that all heads of its kind have
/// in common. Adding a kind is a file beside this one and a line of `HeadKind`.
protocol Head: AnyObject {
  /// True if scores are compared with thresholds: then a head has one, or one a label, else none.
  static var decidesByThreshold: Bool { get }

  /// See `HeadKind.hasShares`.
  static var hasShares: Bool { get }

  /// False for a kind that decides nothing by itself: its values, or the places that it finds, can be compared.
  static var decides: Bool { get }

  /// How many labels with a threshold of their own a head has.
  static func answerCount(_ form: HeadForm) throws -> Int

  /// See that there is a decoder where the kind has some, and that it fits the outputs.
  static func checkDecoder(_ form: HeadForm) throws

  /// See that there are as many thresholds as the kind takes, in 0..1.
  static func checkThresholds(_ form: HeadForm) throws

  /// See that so many labels are as many as the head's answers.
  static func checkLabels(_ form: HeadForm, _ count: Int) throws

  /// See `Answer.shown(_:)`.
  static func shown(_ answer: Answer, most: Int) -> [Top]

  var setting: HeadSetting { get }

  /// A head whose record was checked.
  init(_ setting: HeadSetting)

  /// An answer of the right size, to be filled again and again.
  func answer() -> LiveAnswer

  /// Fill an answer from the real values of all outputs. Places are those in the picture; without one, those in the input.
  ///
  /// - Throws: `EngineError` if the model gave NaN, so that there is nothing to decide.
  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws

  /// What golden cases record of the answer to one sample.
  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded

  /// What counts how far answers agree; nil where agreement has no meaning.
  func comparison() -> (any AnswerCounts)?

  /// Whether its outputs are rows in the order of their scores, so that a place means nothing by itself.
  var sorts: Bool { get }

  /// Of outputs that are sorted, the rows of what both the source and the artifact find in a sample.
  func paired(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> [PairedRow]
}

/// A row of the output with the number `place`, of the source and of an artifact.
struct PairedRow {
  let place: Int
  let reference: [Float]
  let candidate: [Float]
}

extension Head {
  static var decidesByThreshold: Bool { false }
  static var hasShares: Bool { true }
  static var decides: Bool { false }

  var sorts: Bool { false }

  func paired(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> [PairedRow] { [] }

  static func answerCount(_ form: HeadForm) throws -> Int { form.width }

  static func checkDecoder(_ form: HeadForm) throws {
    let (kind, count) = (form.spec.kind.title, form.spec.outputs.count)
    if count != 1 { throw SpecError("the kind \(kind) has one output, got \(count)") }
    if form.spec.decode != nil { throw SpecError("the kind \(kind) has no decoder") }
  }

  static func checkThresholds(_ form: HeadForm) throws {
    let thresholds = form.spec.thresholds
    if !decidesByThreshold {
      if thresholds.isEmpty { return }
      throw SpecError("the kind \(form.spec.kind.title) has no thresholds, got \(thresholds)")
    }
    if thresholds.isEmpty || !thresholds.allSatisfy((0...1).contains) {
      throw SpecError("thresholds must be in 0..1, got \(thresholds)")
    }
    let answers = try answerCount(form)
    if thresholds.count != 1 && thresholds.count != answers {
      throw SpecError("thresholds must be one, or one for each of \(answers) labels, got \(thresholds.count)")
    }
  }

  static func checkLabels(_ form: HeadForm, _ count: Int) throws {
    let answers = form.width
    let fits = count == max(answers, 2) || count == form.shapes[0].last
    let isAlone = answers == 1 && count == 1
    if !fits && !isAlone { throw SpecError("it has \(count) labels for \(answers) answers") }
  }

  var form: HeadForm { setting.form }
  var spec: HeadSpec { setting.form.spec }

  /// The number of its first output.
  var place: Int { setting.places[0] }

  /// See that all its outputs are finite.
  func checkFinite(_ outputs: [Memory<Float>]) throws {
    for place in setting.places where !isFinite(outputs[place]) { throw notFinite() }
  }

  func notFinite() -> EngineError { EngineError("the model's output is NaN", "Use another precision") }
}

extension HeadKind {
  var type: any Head.Type {
    switch self {
    case .classification: Classification.self
    case .binary: Binary.self
    case .multilabel: Multilabel.self
    case .regression: Regression.self
    case .detection: Detection.self
    case .segmentation: Segmentation.self
    case .keypoints: Keypoints.self
    case .image: MadePictures.self
    case .embedding: Embedding.self
    }
  }
}

/// Opens the heads of a bundle.
enum Heads {
  /// Those for the source model's own outputs.
  static func of(_ manifest: Manifest) -> [any Head] {
    manifest.heads.map { open(HeadForm(manifest, $0), manifest.outputs.map(\.name), $0.activation) }
  }

  /// Those for the outputs of one of its artifacts.
  static func of(_ manifest: Manifest, _ artifact: Artifact) -> [any Head] {
    manifest.heads.map { spec in
      let isApplied = artifact.outputs.contains { spec.outputs.contains($0.name) && $0.activation != .none }
      return open(HeadForm(manifest, spec), artifact.outputs.map(\.name), isApplied ? .none : spec.activation)
    }
  }

  /// A head of outputs that have these names.
  static func open(_ form: HeadForm, _ names: [String], _ activation: Activation) -> any Head {
    let places = form.spec.outputs.compactMap(names.firstIndex)
    return form.spec.kind.type.init(HeadSetting(form: form, places: places, activation: activation))
  }
}

/// A head of one output, whose answer is a score for each class, label or column.
protocol ScoreHead: Head {
  /// False for a head that says yes or no to each of several labels; it has no meaning where nothing is decided.
  static var isOneClass: Bool { get }

  /// The number of scores that it makes.
  var scoreCount: Int { get }

  /// Fill the scores of an answer from an output's real values.
  func score(_ output: Memory<Float>, _ answer: LiveAnswer)

  /// Set the decisions of an answer that has its scores, of the output as the model gave it.
  func decide(_ output: Memory<Float>, _ answer: LiveAnswer)
}

extension ScoreHead {
  static var decides: Bool { true }
  static var isOneClass: Bool { true }

  var scoreCount: Int { form.width }

  func score(_ output: Memory<Float>, _ answer: LiveAnswer) {
    answer.values.copy(output.count, from: output, at: 0, to: 0)
    activate(answer.values, setting.activation)
  }

  func answer() -> LiveAnswer { LiveAnswer(spec, count: scoreCount) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    let output = outputs[place]
    score(output, answer)
    if !Self.decides { return }
    for i in answer.values.indices where answer.values[i].isNaN { throw notFinite() }
    decide(output, answer)
  }

  /// The decisions that outputs lead to: the index of a class, or a 1 or 0 for each label; nil where they are not finite.
  func decisions(_ outputs: [Memory<Float>]) throws -> [Int]? {
    if !isFinite(outputs[place]) { return nil }
    let answer = answer()
    try read(outputs, into: answer, nil)
    return Self.isOneClass ? [answer.index ?? 0] : answer.holding.array.map { $0 ? 1 : 0 }
  }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    let answer = answer()
    score(outputs[place], answer)
    let none = [Int](repeating: nothing, count: Self.isOneClass ? 1 : scoreCount)
    let decisions = Self.decides ? try self.decisions(outputs) ?? none : nil
    return Recorded(decisions, [1, scoreCount], answer.values.array)
  }

  func comparison() -> (any AnswerCounts)? {
    if Self.decides { return DecisionCounts(self) }
    return form.isWhole ? WholeCounts(self) : nil
  }
}

/// A head whose answers lie in the picture, or are one.
protocol PlaceHead: Head {
  /// Says whether a decoder is one of this kind's.
  static func decodes(_ decoder: HeadDecoder) -> Bool
}

extension PlaceHead {
  /// See that there is a decoder of the kind's, and that the model takes a picture.
  static func checkForm(_ form: HeadForm) throws {
    let kind = form.spec.kind.title
    guard let decoder = form.spec.decode else { throw SpecError("the kind \(kind) needs a decoder") }
    if !decodes(decoder) { throw SpecError("the kind \(kind) has no decoder of this form") }
    if form.canvas == nil { throw SpecError("a \(kind) head needs a model that takes a picture") }
  }

  static func checkLabels(_ form: HeadForm, _ count: Int) throws {
    let classes = try answerCount(form)
    if count != classes { throw SpecError("it has \(count) labels for \(classes) classes") }
  }
}
