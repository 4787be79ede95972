import Foundation
import TestSupport
import Testing

@testable import EdgeCV

/// What is wrong with a bundle is said in words, before anything of it is used.
struct MalformedBundleTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: changes + decoderChanges) func aManifestThatSaysSomethingElseIsRefused(_ change: Change) throws {
    let place = try changed(change)
    let said = try #require(message { _ = try ModelBundle.open(place) })
    #expect(said.contains(change.words))
    #expect(hint { _ = try ModelBundle.open(place) } != nil)
  }

  @Test func unknownKeysComeWithTheKnownOnes() throws {
    let place = try changed(Change("golden.cases", "[]", ""))
    #expect(hint { _ = try ModelBundle.open(place) } == "Known keys there are file, sha256, count")
  }

  @Test(arguments: [
    "", "{", "[1, 2", "\u{0}", "{\"a\": 01x}", "{\"a\": 1} 2", "{\"a\" 1}", "{\"a\": \"\\u12\"}", "{\"a\": 1.}", "nul",
    "{\"a\": \"\n\"}", String(repeating: "[", count: 100_000),
  ])
  func whatIsNoJSONIsRefused(_ text: String) throws {
    let place = try Bundles.copy("digits", into: scratch)
    try text.write(to: place.appendingPathComponent("bundle.json"), atomically: true, encoding: .utf8)
    #expect(try #require(message { _ = try ModelBundle.open(place) }).contains("is not JSON"))
  }

  @Test func textThatIsNoUTF8IsRefused() throws {
    let place = try Bundles.copy("digits", into: scratch)
    let file = place.appendingPathComponent("bundle.json")
    let whole = try Data(contentsOf: file)
    var broken = whole
    broken[broken.count / 2] = 0xff
    try broken.write(to: file)
    #expect(message { _ = try ModelBundle.open(place) } == "bundle.json is not UTF-8")
    let half = String(decoding: whole, as: UTF8.self).replacingOccurrences(of: "\"digits\"", with: "\"\\ud800\"")
    try Data(half.utf8).write(to: file)
    #expect(try #require(message { _ = try ModelBundle.open(place) }).contains("$.name must be a string"))
  }

  @Test(arguments: ["../x", "a/../x", "/x", "a\\b", "C:x", "..", ".", "a/\u{0}", "", "../\u{301}x", "/\u{301}x", "a/..\u{0}"])
  func aPathThatLeavesTheBundleIsRefused(_ path: String) { #expect(message { try checkInside(path) } != nil) }

  @Test(arguments: ["tflite/model.int8.tflite", "a/..b/c", "a/./b", "ü/x"])
  func aPathThatStaysIsTaken(_ path: String) { #expect(message { try checkInside(path) } == nil) }

  @Test func aLinkThatLeadsOutsideIsRefusedAndOneInsideIsFollowed() throws {
    let place = try Bundles.copy("digits", into: scratch)
    let (model, outside) = (place.appendingPathComponent(int8), scratch.folder.appendingPathComponent("outside"))
    try FileManager.default.moveItem(at: model, to: outside)
    try FileManager.default.createSymbolicLink(at: model, withDestinationURL: outside)
    let bundle = try ModelBundle.open(place)
    let said = message { _ = try bundle.model(bundle.artifact(.tflite, "int8")) }
    #expect(said == "\(int8) is a link that leads outside the bundle")
    try FileManager.default.removeItem(at: model)
    try FileManager.default.moveItem(at: outside, to: place.appendingPathComponent("kept"))
    try FileManager.default.createSymbolicLink(atPath: model.path, withDestinationPath: "../kept")
    #expect(try bundle.model(bundle.artifact(.tflite, "int8")).data != nil)
  }

  @Test func aFolderWithoutAManifestAndAPathWithoutABundleAreRefused() throws {
    let empty = scratch.folder.appendingPathComponent("empty.edgecv")
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    #expect(message { _ = try ModelBundle.open(empty) } == "empty.edgecv has no bundle.json")
    let nowhere = scratch.folder.appendingPathComponent("nowhere.edgecv")
    #expect(message { _ = try ModelBundle.open(nowhere) } == "\(nowhere.path) does not exist")
  }

  @Test func aModelThatWasChangedCutOrTakenAwayIsRefusedWhenItIsOpened() throws {
    let harms: [(String, (URL) throws -> Void)] = [
      ("\(int8) was changed since the bundle was made", { try flip($0, at: 100) }),
      ("\(int8) has 100 bytes, bundle.json says ", { try Data(contentsOf: $0).prefix(100).write(to: $0) }),
      ("\(int8) is missing", { try FileManager.default.removeItem(at: $0) }),
    ]
    for (words, harm) in harms {
      let place = try Bundles.copy("digits", into: scratch)
      try harm(place.appendingPathComponent(int8))
      let bundle = try ModelBundle.open(place)
      #expect(try #require(message { _ = try bundle.model(bundle.artifact(.tflite, "int8")) }).hasPrefix(words))
      _ = try bundle.model(bundle.artifact(.tflite, "float32"))
    }
  }

  @Test func aPackageIsCheckedWhole() throws {
    let name = "coreml/model.float32.mlpackage"
    func refusal(_ harm: (URL) throws -> Void) throws -> String? {
      let place = try Bundles.copy("package", into: scratch)
      try harm(place.appendingPathComponent(name))
      let bundle = try ModelBundle.open(place)
      return message { _ = try bundle.model(bundle.artifact(.coreml)) }
    }
    #expect(try refusal { _ in } == nil)
    #expect(
      try refusal { try flip($0.appendingPathComponent("Data/weights.bin"), at: 3) }
        == "\(name) was changed since the bundle was made")
    #expect(
      try refusal { try Data().write(to: $0.appendingPathComponent("more")) } == "\(name) was changed since the bundle was made")
    #expect(try #require(refusal { try Data([1]).write(to: $0.appendingPathComponent("more")) }).contains("has 259 bytes"))
    #expect(
      try #require(refusal { try FileManager.default.createSymbolicLink(atPath: $0.path + "/link", withDestinationPath: "Data") })
        .contains("is a link to a folder"))
    #expect(
      try #require(
        refusal { try FileManager.default.createSymbolicLink(atPath: $0.path + "/link", withDestinationPath: "/etc/passwd") }
      ).contains("leads outside"))
  }

  @Test func goldenFilesThatWereChangedAreRefused() throws {
    let place = try Bundles.copy("digits", into: scratch)
    let bundle = try ModelBundle.open(place)
    let one = try #require(try bundle.golden().cases.first)
    try flip(place.appendingPathComponent("golden/000.input.0.bin"), at: 0)
    let tensor = try #require(one.inputs["image"])
    #expect(message { _ = try bundle.goldenTensor(tensor) } == "golden/000.input.0.bin was changed since the bundle was made")
    try flip(place.appendingPathComponent("golden/000.answer.0.bin"), at: 0)
    let scores = try #require(one.answers["digit"]).scores
    #expect(message { _ = try bundle.goldenTensor(scores) } == "golden/000.answer.0.bin was changed since the bundle was made")
    try flip(place.appendingPathComponent("golden/golden.json"), at: 0)
    #expect(message { _ = try bundle.golden() } == "golden/golden.json was changed since the bundle was made")
  }

  @Test func aBundleThatLacksWhatIsAskedForSaysWhatItHas() throws {
    let bundle = try Bundles.open("digits")
    #expect(message { _ = try bundle.artifact(.coreml, "float16") } == "the bundle digits has no coreml float16")
    #expect(try #require(hint { _ = try bundle.artifact(.coreml, "float16") }).contains("tflite int8"))
  }

  private func changed(_ change: Change) throws -> URL {
    let place = try Bundles.copy(change.bundle, into: scratch)
    try edit(place) { manifest in
      let value = try change.value.map { try JSONParser.parse($0, name: "value") }
      return try replaced(manifest, change.place.split(separator: ".").map(String.init)[...], value) ?? .null
    }
    return place
  }
}

private let int8 = "tflite/model.int8.tflite"

private func flip(_ file: URL, at index: Int) throws {
  var data = try Data(contentsOf: file)
  data[index] ^= 1
  try data.write(to: file)
}

/// Change a bundle's manifest.
func edit(_ place: URL, _ change: (JSON) throws -> JSON) throws {
  let file = place.appendingPathComponent("bundle.json")
  let text = try String(contentsOf: file, encoding: .utf8)
  try Data(change(JSONParser.parse(text, name: "bundle.json")).text.utf8).write(to: file)
}

/// The same with another value at a place; nil removes what is there.
func replaced(_ value: JSON, _ place: ArraySlice<String>, _ new: JSON?) throws -> JSON? {
  guard let key = place.first else { return new }
  switch value {
  case .array(var items):
    let index = try #require(Int(key))
    items[index] = try replaced(items[index], place.dropFirst(), new) ?? .null
    return .array(items)
  case .object(var members):
    members[key] = try replaced(members[key] ?? .null, place.dropFirst(), new)
    return .object(members)
  default: return value
  }
}
