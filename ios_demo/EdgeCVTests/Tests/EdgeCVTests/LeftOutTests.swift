import Foundation
import TestSupport
import Testing

@testable import EdgeCV

/// What a newer edgecv wrote into a bundle is left out and said, and the rest of the bundle is used.
struct LeftOutTests {
  let scratch: Scratch

  private let artifact =
    #"{"target": "openvino", "precision": 8, "file": "openvino/model.xml", "sha256": ""# + String(repeating: "0", count: 64)
    + #"", "bytes": 7}"#
  private let saidOfArtifact = "the artifact openvino/model.xml is for the target openvino, which this edgecv does not know"
  private let head =
    #"{"name": "pose", "kind": "mesh", "outputs": ["colour"], "skeleton": [[0, 1]], "labels": {"0": "nose"}}"#
  private let saidOfHead = "the head \"pose\" is of the kind mesh, which this edgecv does not know"

  init() throws { scratch = try Scratch() }

  @Test func aBundleOfTodayLeavesOutNothing() throws { #expect(try Bundles.open("digits").leftOut == []) }

  @Test func anArtifactOfAnUnknownTargetGoesWithItsProof() throws {
    let place = try changed("colours") { members in
      members["artifacts"] = try with(members["artifacts"], artifact)
      members["parity"] = try with(members["parity"], #"{"artifact": "openvino/model.xml", "luck": 1}"#)
    }
    let bundle = try ModelBundle.open(place)
    #expect(bundle.leftOut == [saidOfArtifact])
    #expect(try bundle.manifest == Bundles.open("colours").manifest)
  }

  @Test func theProofOfAnArtifactThatStaysIsReadAsStrictlyAsEver() throws {
    let place = try changed("colours") { members in
      let proof = #"{"artifact": "tflite/model.float32.tflite", "status": "passed", "how": "here", "luck": 1}"#
      members["artifacts"] = try with(members["artifacts"], artifact)
      members["parity"] = try with(members["parity"], proof)
    }
    #expect(try #require(message { _ = try ModelBundle.open(place) }).contains("unknown key 'luck' at $.parity[0]"))
  }

  @Test func aHeadOfAnUnknownKindGoes() throws {
    let place = try changed("two_heads") { members in members["heads"] = try heads(members, "") }
    let bundle = try ModelBundle.open(place)
    #expect(bundle.leftOut == [saidOfHead])
    #expect(bundle.manifest.heads.map(\.name) == ["warm"])
  }

  @Test func unknownKeysInWhatIsKnownAreRefusedAsEver() throws {
    let place = try changed("two_heads") { members in members["heads"] = try heads(members, "colour") }
    #expect(try #require(message { _ = try ModelBundle.open(place) }).contains("unknown key 'colour' at $.heads[0]"))
  }

  @Test func aBundleOfWhichNothingIsLeftIsRefused() throws {
    for (part, record, said) in [("artifacts", artifact, saidOfArtifact), ("heads", head, saidOfHead)] {
      let place = try changed("colours") { members in
        members[part] = .array([try JSONParser.parse(record, name: part)])
      }
      let words = try #require(message { _ = try ModelBundle.open(place) })
      #expect(words.hasSuffix("holds \(part) of a newer edgecv only, so it needs that: \(said)"))
      #expect(hint { _ = try ModelBundle.open(place) } == "Update the app")
    }
  }

  @Test func anArtifactWithASecondFileGoesAndABundleOfSuchAloneIsRefused() throws {
    let whole = try Bundles.open("digits").manifest.artifacts.map(\.file)
    let said = "the artifact \(whole[0]) has its numbers in a second file, which this library does not read"
    let bundle = try ModelBundle.open(try changed("digits") { $0["artifacts"] = secondFiles($0["artifacts"], 1) })
    #expect(bundle.leftOut == [said])
    #expect(bundle.manifest.artifacts.map(\.file) == Array(whole.dropFirst()))
    let place = try changed("digits") { $0["artifacts"] = secondFiles($0["artifacts"], whole.count) }
    #expect(try #require(message { _ = try ModelBundle.open(place) }).hasSuffix(said))
    let wanted = "Convert to a smaller precision, or make the model smaller: edgecv prune"
    #expect(hint { _ = try ModelBundle.open(place) } == wanted)
  }

  @Test("Clips and sounds are refused in words", arguments: ["clip", "sound"])
  func otherInputs(_ kind: String) throws {
    let spec = try JSONParser.parse("{\"kind\": \"\(kind)\", \"\(kind)\": {\"frames\": 4, \"stride\": 1}}", name: "spec")
    let place = try changed("colours") { members in
      var specs = JSONObject()
      specs["image"] = spec
      members["preprocess"] = .object(specs)
    }
    let words = try #require(message { _ = try ModelBundle.open(place) })
    #expect(
      words.hasSuffix("the input 'image' is of the kind \(kind), and this library prepares pictures and tensors only"))
    #expect(hint { _ = try ModelBundle.open(place) } == "Run the bundle with edgecv's Python runtime")
  }

  /// The unknown head, and the second one of the bundle with one more key.
  private func heads(_ members: JSONObject, _ key: String) throws -> JSON {
    guard case .array(let heads) = members["heads"], case .object(var warm) = heads[1] else { return .null }
    if !key.isEmpty { warm[key] = .null }
    return .array([try JSONParser.parse(head, name: "head"), .object(warm)])
  }

  /// The artifacts, of which the first few have a second file.
  private func secondFiles(_ list: JSON?, _ count: Int) -> JSON {
    guard case .array(let items) = list else { return .null }
    return .array(
      items.enumerated().map { number, item in
        guard number < count, case .object(var members) = item else { return item }
        members["data"] = .null
        return .object(members)
      })
  }

  private func with(_ list: JSON?, _ record: String) throws -> JSON {
    guard case .array(let items) = list else { return .null }
    return .array([try JSONParser.parse(record, name: "record")] + items)
  }

  private func changed(_ name: String, _ change: (inout JSONObject) throws -> Void) throws -> URL {
    let place = try Bundles.copy(name, into: scratch)
    try edit(place) { manifest in
      guard case .object(var members) = manifest else { return manifest }
      try change(&members)
      return .object(members)
    }
    return place
  }
}
