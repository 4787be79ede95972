import Foundation

private let unknown = "which this edgecv does not know"
private let unread = "which this library does not read"
private let smaller = "Convert to a smaller precision, or make the model smaller: edgecv prune"
private let update = "Update the app"
private let python = "Run the bundle with edgecv's Python runtime"
private let prepared = ["image", "tensor"]

/// The records of a manifest that this library does not know.
struct LeftOut {
  /// A sentence for each record.
  let sentences: [String]

  /// The outputs of the model that belong to its heads.
  let outputs: [String]

  /// The number of heads among the records.
  let heads: Int

  /// Leave out of a manifest what a newer edgecv wrote into it, so that an old app runs the rest: artifacts of unknown
  /// formats with their proofs, and heads of unknown kinds, whatever other keys they have. Left out are artifacts of
  /// several gigabytes, which have a second file, too.
  ///
  /// - Throws: `BundleError` if no artifact or no head is left, an artifact does not say where it lies, or an input is
  ///   prepared in a way that this library does not know, such as a clip or a sound.
  static func from(_ manifest: JSONObject, name: String) throws -> (known: JSONObject, leftOut: LeftOut) {
    try refuseInputs(manifest, name: name)
    let formats = Format.allCases.map(\.title)
    let kinds = HeadKind.allCases.map(\.title)
    let every = manifest.list("artifacts").partitioned { isUnknown($0, "target", formats) }
    let sizes = every.known.partitioned { $0.members?["data"] != nil }
    let artifacts = (unknown: every.unknown, known: sizes.known)
    let large = sizes.unknown
    let heads = manifest.list("heads").partitioned { isUnknown($0, "kind", kinds) }
    let files = try (artifacts.unknown + large).map { try listedFile($0, name: name) }
    let larger = large.map { "the artifact \(said($0, "file")) has its numbers in a second file, \(unread)" }
    let newer =
      artifacts.unknown.map { "the artifact \(said($0, "file")) is for the target \(said($0, "target")), \(unknown)" }
      + heads.unknown.map { "the head \"\(said($0, "name"))\" is of the kind \(said($0, "kind")), \(unknown)" }
    let leftOut = LeftOut(
      sentences: newer + larger,
      outputs: heads.unknown.flatMap { $0.members?.list("outputs").compactMap(\.string) ?? [] },
      heads: heads.unknown.count)
    if let first = larger.first, artifacts.known.isEmpty { throw BundleError("\(name): \(first)", smaller) }
    for (part, found) in [("artifacts", artifacts), ("heads", heads)] {
      if found.unknown.isEmpty || !found.known.isEmpty { continue }
      let words = shortened(leftOut.sentences.joined(separator: "; "))
      throw BundleError("\(name) holds \(part) of a newer edgecv only, so it needs that: \(words)", update)
    }
    let proofs = manifest.list("parity").filter { proof in !files.contains { $0 == text(proof, "artifact") } }
    var known = manifest
    for (key, items) in [("artifacts", artifacts.known), ("heads", heads.known), ("parity", proofs)] {
      if case .array = manifest[key] { known[key] = .array(items) }
    }
    return (known, leftOut)
  }

  private static func refuseInputs(_ manifest: JSONObject, name: String) throws {
    guard let specs = manifest["preprocess"]?.members else { return }
    guard let (input, spec) = specs.members.first(where: { isUnknown($0.value, "kind", prepared) }) else { return }
    let words = "the input '\(shortened(input))' is of the kind \(said(spec, "kind"))"
    throw BundleError("\(name): \(words), and this library prepares pictures and tensors only", python)
  }

  /// Where an artifact that is left out lies, which every artifact must say, with its digest.
  private static func listedFile(_ artifact: JSON, name: String) throws -> String {
    var members = artifact.members ?? JSONObject()
    for key in members.keys where !ListedFile.keys.contains(key) { members[key] = nil }
    let listed: ListedFile
    do {
      listed = try ListedFile(Field(value: .object(members), place: "$", name: name))
    } catch let error as BundleError {
      throw BundleError("an artifact for \(said(artifact, "target")): \(error.message)", update)
    }
    try checkInside(listed.file)
    try checkDigests([listed.sha256], counts: [listed.bytes], name: name)
    return listed.file
  }

  /// Says whether a record's name at a key is one that an edgecv may have, and not one of those that are known here.
  private static func isUnknown(_ record: JSON, _ key: String, _ known: [String]) -> Bool {
    guard let name = text(record, key), let first = name.unicodeScalars.first else { return false }
    let isName =
      ("a"..."z").contains(first)
      && name.unicodeScalars.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "_" || $0 == "-" }
    return isName && !known.contains(name)
  }

  private static func text(_ record: JSON, _ key: String) -> String? { record.members?[key]?.string }

  private static func said(_ record: JSON, _ key: String) -> String { shortened(text(record, key) ?? "") }
}

/// The keys that an artifact of any format has: a left-out one may have any others.
private struct ListedFile: RecordReadable {
  static let keys = ["file", "sha256", "bytes"]

  let file: String
  let sha256: String
  let bytes: Int

  init(_ record: Record) throws {
    file = try record.value("file")
    sha256 = try record.value("sha256")
    bytes = try record.value("bytes")
  }
}

extension JSON {
  fileprivate var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  fileprivate var members: JSONObject? {
    if case .object(let members) = self { members } else { nil }
  }
}

extension JSONObject {
  fileprivate func list(_ key: String) -> [JSON] {
    if case .array(let items) = self[key] { items } else { [] }
  }
}

extension [JSON] {
  fileprivate func partitioned(_ isUnknown: (JSON) -> Bool) -> (unknown: [JSON], known: [JSON]) {
    (filter(isUnknown), filter { !isUnknown($0) })
  }
}
