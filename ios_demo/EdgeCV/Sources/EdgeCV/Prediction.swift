/// One of the scores of an answer, with the name of what it belongs to.
public struct Top: Equatable, Sendable {
  public let label: String
  public let index: Int
  public let score: Float
}

/// The durations of the three stages, nanoseconds of wall clock.
public struct StageTimes: Equatable, Sendable {
  public let preprocessNs: UInt64
  public let inferenceNs: UInt64
  public let postprocessNs: UInt64

  /// Their sum.
  public var totalNs: UInt64 { preprocessNs + inferenceNs + postprocessNs }
}

/// The answer of one head for one sample.
public struct Answer: Equatable, Sendable {
  /// The head's record: its name, kind, title and unit.
  public let head: HeadSpec

  /// The winning class of a classification or binary head, or the label of the best box; else nil.
  public let index: Int?

  /// One value for each class, label, column, box or point; of a binary output p they are (1 - p, p).
  public let scores: [Float]

  /// Where in the picture the answer lies, of the kinds that answer with places.
  public let places: Places

  /// Which labels hold; all false but for multilabel.
  let holds: [Bool]

  init(head: HeadSpec, index: Int?, scores: [Float], places: Places = .none, holds: [Bool] = []) {
    self.head = head
    self.index = index
    self.scores = scores
    self.places = places
    self.holds = holds
  }

  /// The names of the labels whose score reaches their threshold, best first; empty but for multilabel.
  public var labels: [String] { holds.isEmpty ? [] : order(scores).filter { holds[$0] }.map(head.label) }

  /// The winning class's name, its index as text where the head has no labels; nil where there is no winner.
  public var label: String? { index.map(head.label) }

  /// The value of the winning class, or of the best box, in `scores`; nil where there is no winner.
  public var score: Float? {
    if case .boxes = places { scores.first } else { index.map { scores[$0] } }
  }

  /// The best scores with their names, best first, ties by index.
  public func top(_ count: Int) -> [Top] { order(scores).prefix(count).map(at) }

  /// The scores that a person is shown: at most so many of the best classes, the winner of yes and no, all labels that hold
  /// (there may be none), or at most so many of the first values of a regression.
  public func shown(_ most: Int) -> [Top] { head.kind.type.shown(self, most: most) }

  func at(_ index: Int) -> Top {
    var label = index
    if case .boxes(let boxes) = places { label = boxes[index].index }
    return Top(label: head.label(label), index: label, score: scores[index])
  }
}

/// The indices of scores, the best first, ties by index.
private func order(_ scores: [Float]) -> [Int] {
  scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
}

/// The answers of all heads of a model for one sample. `label`, `index`, `score`, `labels`, `scores` and `top` are those of the
/// first head, which most models have alone.
public struct Prediction: Sendable {
  /// One for each head of the bundle, in the manifest's order.
  public let answers: [Answer]

  /// Every output by the model's name, real values in the source's layout.
  public let outputs: [String: [Float]]

  public let times: StageTimes

  /// Where the picture lies in the model's input, and how large it is; nil of what was no picture.
  public let picture: PicturePlace?

  /// See `Answer.label`.
  public var label: String? { answers[0].label }

  /// See `Answer.index`.
  public var index: Int? { answers[0].index }

  /// See `Answer.score`.
  public var score: Float? { answers[0].score }

  /// See `Answer.labels`.
  public var labels: [String] { answers[0].labels }

  /// See `Answer.scores`.
  public var scores: [Float] { answers[0].scores }

  /// See `Answer.top(_:)`.
  public func top(_ count: Int) -> [Top] { answers[0].top(count) }
}
