/// Yes or no from one value p, the first of the output: the scores are (1 - p, p), and p wins from the threshold on.
final class Binary: ScoreHead {
  static var decidesByThreshold: Bool { true }

  let setting: HeadSetting
  private let threshold: Float
  private let row: Memory<Float>

  init(_ setting: HeadSetting) {
    self.setting = setting
    threshold = Float(setting.form.spec.thresholds[0])
    row = Memory(repeating: 0, count: setting.form.width)
  }

  var scoreCount: Int { 2 }

  func score(_ output: Memory<Float>, _ answer: LiveAnswer) {
    row.copy(row.count, from: output, at: 0, to: 0)
    activate(row, setting.activation)
    answer.values[0] = 1 - row[0]
    answer.values[1] = row[0]
  }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {
    answer.index = answer.values[1] >= threshold ? 1 : 0
  }

  /// The winner alone: with a threshold other than a half it may have the lower score.
  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(2).filter { $0.index == answer.index } }
}
