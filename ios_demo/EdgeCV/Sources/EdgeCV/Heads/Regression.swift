/// Values that mean themselves: nothing is decided, whatever the numbers are.
final class Regression: ScoreHead {
  static var hasShares: Bool { false }
  static var decides: Bool { false }

  let setting: HeadSetting

  init(_ setting: HeadSetting) { self.setting = setting }

  func decide(_ output: Memory<Float>, _ answer: LiveAnswer) {}

  static func checkLabels(_ form: HeadForm, _ count: Int) throws {}  // nothing is read by them

  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.scores.indices.prefix(most).map(answer.at) }
}
