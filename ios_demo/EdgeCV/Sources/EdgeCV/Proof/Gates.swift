import Foundation

private let onGolden = "golden"
private let smallSet = 20
private let mostFall = 7.0  // dB, by which a ratio may lie below the recorded one
private let countedDb = 40.0  // about one int8 step in every value; a higher ratio is counted as this one
private let shownNames = 4  // in a gate's subject

/// The bars of the golden cases, as docs/gates.md lists them for what phones run.
enum Gates {
  private struct Limits {
    let agreement: Double
    let snrDb: Double?
    let meanIou: Double
    let psnrDb: Double

    /// The bars of what kinds of heads measure besides their agreement.
    var measured: [(name: String, limit: Double)] { [("mean_iou", meanIou), ("psnr_db", psnrDb)] }
  }

  private static let int8 = Limits(agreement: 0.90, snrDb: 8, meanIou: 0.80, psnrDb: 22)
  private static let trainedInt8 = Limits(agreement: 0.75, snrDb: nil, meanIou: 0.60, psnrDb: 20)

  private static func limits(_ precision: String) -> Limits {
    switch precision {
    case "float32": Limits(agreement: 0.995, snrDb: 60, meanIou: 0.98, psnrDb: 45)
    case "float16": Limits(agreement: 0.99, snrDb: 35, meanIou: 0.97, psnrDb: 40)
    case "dynamic": Limits(agreement: 0.93, snrDb: 10, meanIou: 0.80, psnrDb: 22)
    case "int16x8": Limits(agreement: 0.95, snrDb: 20, meanIou: 0.90, psnrDb: 30)
    default: int8
    }
  }

  /// Hold what was measured against the bars: every head that decides something by its own agreement, every output, and every
  /// group of its columns, by its own signal-to-noise ratio. Where there is one alone its gate has no subject. Masks and pictures
  /// have a bar of their own.
  ///
  /// - Parameters:
  ///   - isTrained: True if the model was trained while it was quantized, which is meant to change answers.
  ///   - recorded: The artifact's proofs from when it was made, one for each way in which it was run: no part may fall far below
  ///     the lowest.
  static func of(_ precision: String, isTrained: Bool, _ measured: Comparison, recorded: [Parity]) -> [Gate] {
    let bar = isTrained && precision == "int8" ? trainedInt8 : limits(precision)
    return snr(bar, measured) + agreement(bar, measured) + besides(bar, measured) + constant(measured)
      + falls(measured, recorded)
  }

  /// A gate for each part of an output; none where nothing was recorded. A part that was not among it fails. The largest set of
  /// samples counts as the golden cases do: eight of them may have had a high ratio by luck.
  private static func falls(_ measured: Comparison, _ recorded: [Parity]) -> [Gate] {
    let made = recorded.map(\.comparisons).flatMap { sets in
      sets[onGolden].map { [$0, sets.values.max { $0.count < $1.count } ?? $0] } ?? []
    }
    let known = made.map(\.parts).filter { !$0.isEmpty }
    if known.isEmpty { return [] }
    return measured.parts.map { part in
      let ratios = known.compactMap { parts in parts.first { $0.part == part.part }.map { counted($0.snrDb) } }
      let before = measured.nonFinite == 0 ? ratios.min() : nil
      let fall = before.map { max(0, $0 - counted(part.snrDb)) } ?? infinite
      return gate("fall_db", mostFall, fall < infinite ? fall : nil, fall <= mostFall, part.part)
    }
  }

  private static func counted(_ ratio: Double?) -> Double { min(ratio ?? countedDb, countedDb) }

  private static func snr(_ bar: Limits, _ measured: Comparison) -> [Gate] {
    guard let limit = bar.snrDb else { return [] }
    if !measured.heads.isEmpty && measured.parts.isEmpty { return [] }  // nothing but whole numbers
    let several = measured.parts.map { (subject: Optional($0.part), value: $0.snrDb) }
    let parts = several.count > 1 ? several : [(nil, measured.snrDb)]
    return parts.map { subject, value in
      let isEnough = value.map { $0 >= limit } ?? (subject != nil || measured.maxAbsError == 0)
      let shown = value.flatMap { abs($0) < infinite ? $0 : nil }
      return gate("snr_db", limit, shown, isEnough && measured.nonFinite == 0, subject)
    }
  }

  /// A set of fewer than 20 samples may always have one that differs.
  private static func agreement(_ bar: Limits, _ measured: Comparison) -> [Gate] {
    guard let all = measured.agreement else { return [] }
    let hasSeveral = measured.heads.count > 1
    let named = measured.heads.map { (subject: hasSeveral ? $0.head : nil, value: $0.agreement) }
    let heads = named.isEmpty ? [(nil, all)] : named
    let isSmall = measured.count < smallSet
    let limit = isSmall ? min(bar.agreement, 1 - 1 / Double(measured.count)) : bar.agreement
    return heads.map { subject, value in
      gate("agreement", limit, value, value >= limit - 1e-12 && measured.nonFinite == 0, subject)
    }
  }

  /// A gate for each thing that a head measures besides its agreement.
  private static func besides(_ bar: Limits, _ measured: Comparison) -> [Gate] {
    let hasSeveral = measured.heads.count > 1
    return measured.heads.flatMap { head in
      bar.measured.compactMap { name, limit in
        head.measured[name].map { value in
          gate(name, limit, value, value >= limit && measured.nonFinite == 0, hasSeveral ? head.head : nil)
        }
      }
    }
  }

  /// A gate that fails where something varies in the source alone: a total over all columns does not show it.
  private static func constant(_ measured: Comparison) -> [Gate] {
    let still = measured.parts.flatMap(\.constant)
    let lost = measured.parts.flatMap(\.lost)
    let never = measured.heads.flatMap { head in head.never.map { "\($0) of \(head.head)" } }
    return [("constant", still), ("lost", lost), ("never", never)].filter { !$0.1.isEmpty }.map { name, found in
      let more = found.count > shownNames ? " and \(found.count - shownNames) more" : ""
      return gate(name, 0, Double(found.count), false, found.prefix(shownNames).joined(separator: ", ") + more)
    }
  }

  private static func gate(
    _ name: String, _ limit: Double, _ value: Double?, _ passed: Bool, _ subject: String?
  ) -> Gate {
    Gate(name: name, on: onGolden, limit: limit, value: value, passed: passed, subject: subject)
  }

  /// The reasons, in `edgecv verify`'s words, why an artifact does not pass. Answers that are not finite are one reason for all
  /// gates that are read of values.
  static func reasons(_ gates: [Gate], _ measured: Comparison) -> [String] {
    let missed = gates.filter { !$0.passed }
    let ofValues = ["snr_db", "agreement"] + int8.measured.map(\.name)
    if measured.nonFinite == 0 || !missed.contains(where: { ofValues.contains($0.name) }) { return missed.map(reason) }
    let broken = "\(measured.nonFinite) of \(measured.count) answers are not finite: NaN or infinite (on \(onGolden))"
    return [broken] + missed.filter { !ofValues.contains($0.name) }.map(reason)
  }

  private static func reason(_ gate: Gate) -> String {
    let subject = gate.subject ?? ""
    switch gate.name {
    case "constant": return "\(subject) varies in the source and is constant in the artifact (on \(gate.on))"
    case "lost": return "\(subject) follows the source no better than a constant does, or by another factor (on \(gate.on))"
    case "never": return "the artifact never answers \(subject), which the source does (on \(gate.on))"
    case "fall_db":
      let other = "what was recorded when the artifact was made (on \(gate.on))"
      let fall = gate.value.map { "is \(general($0, 4)) dB below \(other), the gate is \(general(gate.limit, 6)) dB" }
      let none = "cannot be held against \(other): one of them is not finite or not measured"
      return "the signal-to-noise ratio of \(subject) \(fall ?? none)"
    default:
      let value = gate.value.map { general($0, 4) } ?? "not measured"
      let of = gate.subject.map { " of \($0)" } ?? ""
      return "\(gate.name)\(of) is \(value) on \(gate.on), the gate is \(general(gate.limit, 6))"
    }
  }
}

/// A number as C's and Python's `%.{digits}g` writes it: 0.875, 43.7, 1e-05.
func general(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)g", value) }
