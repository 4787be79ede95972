/// Values that mean themselves: nothing is decided, whatever the numbers are.
struct Regression: HeadType {
  var labelsEveryAnswer: Bool { false }

  var hasShares: Bool { false }

  var decides: Bool { false }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {}

  func shown(_ answer: Answer, most: Int) -> [Top] { answer.scores.indices.prefix(most).map(answer.at) }
}
