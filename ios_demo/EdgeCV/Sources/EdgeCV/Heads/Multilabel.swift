/// Any of n labels: each one holds whose score reaches its threshold.
final class Multilabel: ScoreHead {
  static var decidesByThreshold: Bool { true }
  static var isOneClass: Bool { false }

  let setting: HeadSetting
  private let thresholds: [Float]

  init(_ setting: HeadSetting) {
    self.setting = setting
    thresholds = setting.form.spec.thresholds.map { Float($0) }
  }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {
    for i in answer.values.indices { answer.holding[i] = answer.values[i] >= thresholds[i % thresholds.count] }
  }

  /// The labels that hold, all of them.
  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(answer.scores.count).filter { answer.holds[$0.index] } }
}
