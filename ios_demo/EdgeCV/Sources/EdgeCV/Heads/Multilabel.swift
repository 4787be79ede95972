/// Any of n labels: each one holds whose score reaches its threshold.
struct Multilabel: HeadType {
  var decidesByThreshold: Bool { true }

  var isOneClass: Bool { false }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {
    for i in answer.values.indices {
      answer.holding[i] = answer.values[i] >= answer.thresholds[i % answer.thresholds.count]
    }
  }

  /// The labels that hold, all of them.
  func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(answer.scores.count).filter { answer.holds[$0.index] } }
}
