import EdgeCV
import Foundation

/// Numbers and answers as lines of text.
public enum Lines {
  private static let mostClasses = 3
  private static let mostValues = 8

  /// The answers of all heads. Each begins with the head's title; without one, with its name where there are several heads.
  public static func answers(_ answers: [Answer]) -> [String] {
    answers.flatMap { answer in
      let title = answer.head.title ?? (answers.count > 1 ? answer.head.name : nil)
      return (title.map { [$0] } ?? []) + lines(answer)
    }
  }

  /// "cat  97.2 %" for each class or box that is shown, "nose  12.5, 30.0" for a point; a regression's values have their unit:
  /// "31.25 years".
  private static func lines(_ answer: Answer) -> [String] {
    if case .points(let found) = answer.places { return points(found, answer.head) }
    if case .picture(let made) = answer.places { return [Words.picture(width: made.width, height: made.height)] }
    if !answer.head.kind.hasShares { return values(answer) }
    let shown = answer.shown(mostClasses).map { "\($0.label)  \(share($0.score))" }
    return shown.isEmpty ? [Words.noLabelHolds] : shown
  }

  /// "97.2 %"; what is no share, as it is.
  static func share(_ score: Float) -> String {
    (0...1).contains(score) ? "\(number(100 * Double(score), 1)) %" : String(format: "%.4g", Double(score))
  }

  private static func points(_ points: [Answer.Point], _ head: HeadSpec) -> [String] {
    let shown = points.prefix(mostValues).enumerated().map { place, point in
      "\(head.label(place))  \(number(Double(point.x), 1)), \(number(Double(point.y), 1))"
    }
    return shown.count < points.count ? shown + ["... (\(points.count) points)"] : shown
  }

  private static func values(_ answer: Answer) -> [String] {
    let count = answer.scores.count
    let unit = answer.head.unit.map { " \($0)" } ?? ""
    let shown = answer.shown(mostValues).map { top in
      let label = count == 1 && answer.head.labels == nil ? "" : "\(top.label)  "
      return label + String(format: "%.4g", Double(top.score)) + unit
    }
    return shown.count < count ? shown + ["... (\(count) values)"] : shown
  }

  /// "preprocess 1.20 ms, model 3.41 ms, postprocess 0.01 ms".
  public static func times(_ times: StageTimes) -> String {
    "preprocess \(ms(times.preprocessNs)), model \(ms(times.inferenceNs)), postprocess \(ms(times.postprocessNs))"
  }

  /// "operations: 21 on the neural engine, 3 on the cpu", the most first; equal ones by name.
  public static func plan(_ counts: [String: Int]) -> String {
    let order = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    return "operations: " + order.map { "\($0.value) on the \($0.key)" }.joined(separator: ", ")
  }

  /// The outcome of the self-test, with its numbers: those of the worst head and the worst part of an output.
  public static func verdict(_ verdict: Verdict) -> String {
    let head = verdict.passed ? "This device agrees" : "This device does NOT agree"
    let pictures =
      verdict.pictures == 0
      ? "" : ", \(verdict.picturesEqual) of \(verdict.pictures) pictures preprocessed to the same bits"
    let measured = verdict.comparison
    let words = "\(head) with the trained model on \(measured.count) golden cases: \(noise(measured))\(agreement(measured))"
    return ([words + pictures] + verdict.reasons).joined(separator: "\n")
  }

  private static func noise(_ measured: Comparison) -> String {
    let worst = measured.parts.min { ($0.snrDb ?? .greatestFiniteMagnitude) < ($1.snrDb ?? .greatestFiniteMagnitude) }
    guard let ratio = worst.map(\.snrDb) ?? measured.snrDb else { return "equal to the bit" }
    if measured.nonFinite > 0 || ratio == -.greatestFiniteMagnitude { return "SNR not measured" }
    let part = measured.parts.count > 1 ? worst.map { " (\($0.part))" } ?? "" : ""
    return "SNR \(number(ratio, 1)) dB\(part)"
  }

  private static func agreement(_ measured: Comparison) -> String {
    let worst = measured.heads.min { $0.agreement < $1.agreement }
    guard let share = worst.map(\.agreement) ?? measured.agreement else { return "" }
    let head = measured.heads.count > 1 ? worst.map { " (\($0.head))" } ?? "" : ""
    return ", answers equal in \(number(100 * share, 1)) %\(head)"
  }

  /// One line for each row of a benchmark, and what speaks against its numbers.
  public static func result(_ result: BenchResult) -> [String] {
    result.rows.map(row) + result.unstable.map { "not to be relied on: \($0)" }
  }

  private static func row(_ row: BenchRow) -> String {
    guard let inference = row.inference, let total = row.total else {
      return "\(row.title): not run: \(row.notRun ?? "")"
    }
    return "\(row.title): model \(us(inference.p50Us)) (p90 \(us(inference.p90Us))), in all \(us(total.p50Us))"
  }

  private static func ms(_ ns: UInt64) -> String { "\(number(Double(ns) / 1e6, 2)) ms" }

  private static func us(_ us: Double) -> String { "\(number(us / 1e3, 2)) ms" }

  private static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
