/// One of n classes: the highest of the output's values wins, of equal ones the first.
final class Classification: ScoreHead {
  let setting: HeadSetting

  init(_ setting: HeadSetting) { self.setting = setting }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {
    var best = 0
    for i in output.indices where output[i] > output[best] { best = i }
    answer.index = best
  }

  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(most) }
}
