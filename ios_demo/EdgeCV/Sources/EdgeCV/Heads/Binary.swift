/// Yes or no from one value p, the first of the output: the scores are (1 - p, p), and p wins from the threshold on.
struct Binary: HeadType {
  var decidesByThreshold: Bool { true }

  func scoreCount(_ numbers: Int) -> Int { 2 }

  func score(_ values: Memory<Float>, _ answer: LiveAnswer) {
    answer.values[0] = 1 - values[0]
    answer.values[1] = values[0]
  }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {
    answer.index = answer.values[1] >= answer.thresholds[0] ? 1 : 0
  }

  /// The winner alone: with a threshold other than a half it may have the lower score.
  func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(2).filter { $0.index == answer.index } }
}
