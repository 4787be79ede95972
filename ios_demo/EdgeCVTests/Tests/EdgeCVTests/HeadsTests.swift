import Testing
import TestSupport

@testable import EdgeCV

/// Every kind of head makes scores, decisions and an answer of an output's real values.
struct HeadsTests {
  private let colours = ["red", "green", "blue"]

  private func answered(_ head: any Head, _ output: [Float]) throws -> Answer {
    let live = head.answer()
    try head.read([Memory(output)], into: live, nil)
    return live.answer()
  }

  private func decided(_ head: any Head, _ output: [Float]) throws -> [Int]? {
    try #require(head as? any ScoreHead).decisions([Memory(output)])
  }

  @Test func ofClassesTheHighestWinsOfEqualOnesTheFirst() throws {
    let answer = try answered(head(.classification, 3, labels: colours), [0.2, 0.4, 0.4])
    #expect((answer.label, answer.index, answer.score) == ("green", 1, 0.4))
    #expect(answer.top(3).map(\.label) == ["green", "blue", "red"])
    #expect(answer.shown(2).map(\.label) == ["green", "blue"])
    #expect(answer.labels == [])
  }

  @Test func logitsBecomeSharesHoweverLargeTheyAre() throws {
    let answer = try answered(head(.classification, 3, activation: .softmax), [1000, 0, -1000])
    #expect(answer.scores == [1, 0, 0])
    #expect(answer.label == "0")
  }

  @Test func yesWinsFromTheThresholdOn() throws {
    let head = head(.binary, 1, thresholds: [0.75], labels: ["female", "male"])
    let (no, yes) = (try answered(head, [0.625]), try answered(head, [0.75]))
    #expect((no.label, no.score) == ("female", 0.375))
    #expect((yes.label, yes.score) == ("male", 0.75))
    #expect(no.scores == [0.375, 0.625])
    #expect(no.shown(3).map(\.label) == ["female"])
    #expect(try [0.1, 0.7, 0.8].map { try decided(head, [$0]) } == [[0], [0], [1]])
  }

  @Test func aBinaryLogitIsMadeAShareFirstEachTimeAnew() throws {
    let head = head(.binary, 1, activation: .sigmoid, thresholds: [0.5])
    let live = head.answer()
    for (logit, index) in [(Float(0), 1), (-80, 0), (80, 1), (-0.5, 0)] {
      try head.read([Memory([logit])], into: live, nil)
      #expect(live.index == index)
    }
    #expect(live.score(0) + live.score(1) == 1)
  }

  @Test func eachLabelHasItsOwnThresholdOrOneIsForAll() throws {
    let own = head(.multilabel, 3, thresholds: [0.9, 0.1, 0.5], labels: colours)
    #expect(try answered(own, [0.8, 0.2, 0.5]).labels == ["blue", "green"])
    #expect(try decided(own, [0.8, 0.2, 0.5]) == [0, 1, 1])
    #expect(try answered(own, [0.8, 0.2, 0.5]).shown(1).map(\.label) == ["blue", "green"])  // none that holds is hidden
    #expect(try answered(own, [0.8, 0.2, 0.5]).label == nil)
    let one = head(.multilabel, 3, thresholds: [0.7], labels: colours)
    #expect(try answered(one, [0.8, 0.2, 0.5]).labels == ["red"])
    #expect(try answered(head(.multilabel, 3, thresholds: [0.95]), [0.8, 0.2, 0.5]).shown(3) == [])
  }

  @Test func anAnswerThatWasReadBeforeDoesNotShineThrough() throws {
    let head = head(.multilabel, 3, thresholds: [0.5], labels: colours)
    let live = head.answer()
    try head.read([Memory([1, 1, 1])], into: live, nil)
    try head.read([Memory([0, 1, 0])], into: live, nil)
    #expect(live.answer().labels == ["green"])
  }

  @Test func valuesMeanThemselvesAndDecideNothing() throws {
    let head = head(.regression, 2, labels: ["x", "y"])
    let answer = try answered(head, [-1.5, 2])
    #expect(answer.scores == [-1.5, 2])
    #expect(answer.shown(3).map(\.label) == ["x", "y"])
    #expect(answer.index == nil)
    #expect(!type(of: head).decides)
  }

  @Test func aModelThatGivesNaNDecidesNothingAndAValueMayBeNaN() throws {
    for kind in [HeadKind.classification, .binary, .multilabel, .embedding] {
      let head = head(kind, 1, thresholds: kind.type.decidesByThreshold ? [0.5] : [])
      #expect(message { _ = try answered(head, [.nan]) } == "the model's output is NaN")
    }
    #expect(try answered(head(.regression, 1), [.nan]).scores[0].isNaN)
  }
}

/// A head of an output of so many numbers, which is the one at `place` among those of an artifact.
func head(
  _ kind: HeadKind, _ numbers: Int, name: String = "a", place: Int = 0, activation: Activation = .none,
  thresholds: [Double] = [], labels: [String]? = nil, dtype: String = "float32"
) -> any Head {
  let spec = HeadSpec(
    name: name, kind: kind, outputs: [name], labels: labels, activation: activation, thresholds: thresholds, decode: nil,
    title: nil, unit: nil)
  let form = HeadForm(spec, shapes: [[1, numbers]], dtypes: [dtype], canvas: nil)
  return kind.type.init(HeadSetting(form: form, places: [place], activation: activation))
}
