import Foundation

@testable import EdgeCV

/// The answer of one head in Python.
public struct PythonAnswer: RecordReadable, Sendable {
  public static let keys = ["head", "kind", "label", "index", "labels", "scores", "places"]

  public let head: String
  public let kind: String
  public let label: String?
  public let index: Int?
  public let labels: [String]
  public let scores: [Double]
  /// The sides of boxes, x and y of points, or the pixels of a mask or picture.
  public let places: [Double]

  public init(_ record: Record) throws {
    head = try record.value("head")
    kind = try record.value("kind")
    label = try record.value("label")
    index = try record.value("index")
    labels = try record.value("labels")
    scores = try record.value("scores")
    places = try record.value("places", or: [])
  }
}

/// The answers of all heads in Python to one golden case, and the outputs.
public struct PythonCase: RecordReadable, Sendable {
  public static let keys = ["id", "answers", "outputs"]

  public let id: String
  public let answers: [PythonAnswer]
  public let outputs: [String: [Double]]

  public init(_ record: Record) throws {
    id = try record.value("id")
    answers = try record.value("answers")
    outputs = try record.value("outputs")
  }
}

/// Python's answers to all golden cases by one artifact, and its judgement of it on them.
public struct PythonAnswers: RecordReadable, Sendable, CustomStringConvertible {
  public static let keys = ["bundle", "artifact", "cases", "proof"]

  public let bundle: String
  public let artifact: String
  public let cases: [PythonCase]
  public let proof: Parity

  public var description: String { "\(bundle) \(artifact)" }

  public init(_ record: Record) throws {
    let file: String = try record.value("bundle")
    bundle = file.replacingOccurrences(of: ".edgecv", with: "")
    artifact = try record.value("artifact")
    cases = try record.value("cases")
    proof = try record.value("proof")
  }

  /// Those of all bundles; without them nothing is tested, which is a failure.
  public static let all: [PythonAnswers] = {
    do {
      let text = try String(contentsOf: Bundles.folder.appendingPathComponent("answers.json"), encoding: .utf8)
      return try [PythonAnswers](Field(value: JSONParser.parse(text, name: "answers.json"), place: "$", name: "answers.json"))
    } catch {
      fatalError("run `make test-ios`, which makes build/ios: \(error.localizedDescription)")
    }
  }()
}

/// What in a comparison and its gates is not Python's: names and words to the letter, numbers within a part of themselves.
public func differences(
  _ python: Parity, _ comparison: Comparison, _ gates: [Gate], _ reasons: [String], tolerance: Double
) -> [String] {
  guard let wanted = python.comparisons["golden"] else { return ["Python compared nothing"] }
  func isNear(_ first: Double?, _ second: Double?) -> Bool {
    guard let first, let second else { return first == nil && second == nil }
    return abs(first - second) <= tolerance * max(1, abs(first))
  }
  func isSame(_ first: [String: Double], _ second: [String: Double]) -> Bool {
    first.count == second.count && first.allSatisfy { isNear($0.value, second[$0.key]) }
  }
  let checks: [(String, Bool)] = [
    ("heads", wanted.heads.map(\.head) == comparison.heads.map(\.head)),
    ("never", wanted.heads.map(\.never) == comparison.heads.map(\.never)),
    ("agreement of heads", zip(wanted.heads, comparison.heads).allSatisfy { isNear($0.agreement, $1.agreement) }),
    ("measured", zip(wanted.heads, comparison.heads).allSatisfy { isSame($0.measured, $1.measured) }),
    ("parts", wanted.parts.map(\.part) == comparison.parts.map(\.part)),
    ("constant", wanted.parts.map(\.constant) == comparison.parts.map(\.constant)),
    ("lost", wanted.parts.map(\.lost) == comparison.parts.map(\.lost)),
    ("ratios of parts", zip(wanted.parts, comparison.parts).allSatisfy { isNear($0.snrDb, $1.snrDb) }),
    ("ratio of all", isNear(wanted.snrDb, comparison.snrDb)),
    ("largest error", isNear(wanted.maxAbsError, comparison.maxAbsError)),
    ("mean error", isNear(wanted.meanAbsError, comparison.meanAbsError)),
    ("cosine", isNear(wanted.cosine, comparison.cosine)),
    ("counts", wanted.count == comparison.count && wanted.nonFinite == comparison.nonFinite),
    ("agreement", isNear(wanted.agreement, comparison.agreement) && wanted.flips == comparison.flips),
    ("gates", python.gates.map(\.words) == gates.map(\.words)),
    ("values of gates", zip(python.gates, gates).allSatisfy { isNear($0.value, $1.value) }),
    ("reasons", (python.reason ?? "") == reasons.joined(separator: "; ")),
  ]
  return checks.filter { !$0.1 }.map(\.0)
}

extension Gate {
  fileprivate var words: [String] { [name, on, "\(limit)", "\(passed)", subject ?? ""] }
}
