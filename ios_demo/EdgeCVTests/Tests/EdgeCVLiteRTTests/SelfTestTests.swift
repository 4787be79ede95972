import EdgeCVLiteRT
import Foundation
import TestSupport
import Testing

@testable import EdgeCV

private let sums = 1e-9  // of sums that NumPy adds up in another order

/// The self-test passes on this machine, and fails where something differs.
struct SelfTestTests {
  @Test(arguments: PythonAnswers.all) func everyBundlePassesAndIsJudgedAsInPython(_ python: PythonAnswers) throws {
    let verdict = try verdict(python.bundle, python.artifact, PNGDecoder())
    #expect(verdict.passed, "\(verdict.reasons)")
    #expect(verdict.comparison.count == python.cases.count)
    #expect(verdict.pictures == (python.bundle == "two_by_two" ? 0 : python.cases.count))
    #expect(verdict.picturesEqual == verdict.pictures)
    #expect(verdict.answersEqual == python.cases.count)
    let tolerance = python.artifact.contains(".int8.") ? sums : 0.1  // of a ratio of 130 dB
    #expect(differences(python.proof, verdict.comparison, verdict.gates, verdict.reasons, tolerance: tolerance) == [])
  }

  @Test func aDecoderThatGivesOtherPixelsIsFound() throws {
    struct Other: PictureDecoder {
      func decode(_ encoded: Data) throws -> Frame {
        guard let frame = try PNGDecoder().decode(encoded) as? RgbFrame else { throw InputError("no RGB") }
        var bytes = frame.bytes
        bytes[0] ^= 1
        return try frame.set(bytes, width: frame.width, height: frame.height, channels: frame.channels)
      }
    }
    let verdict = try verdict("digits", "tflite/model.int8.tflite", Other())
    #expect(!verdict.passed && verdict.picturesEqual == 0)
    #expect(verdict.reasons == ["\(verdict.pictures) of \(verdict.pictures) golden pictures give another tensor here"])
  }

  @Test func withoutADecoderTheTensorsAloneAreJudged() throws {
    let verdict = try verdict("digits", "tflite/model.float32.tflite", nil)
    #expect(verdict.passed && verdict.pictures == 0)
    #expect(verdict.gates.map(\.name) == ["snr_db", "agreement", "fall_db"])
  }

  @Test func goldenCasesThatProveNothingAreRefused() throws {
    let scratch = try Scratch()
    func refusal(_ change: (inout JSONObject) -> Void) throws -> String? {
      let place = try Bundles.copy("colours", into: scratch)
      try rewrite(place, change)
      let predictor = try Predictor.open(ModelBundle.open(place), [litert])
      return message { _ = try SelfTest.run(predictor) }
    }
    #expect(try refusal { $0["cases"] = .array([]) } == "the bundle colours has no golden cases")
    #expect(
      try refusal { $0.changeCases { $0["outputs"] = .object(JSONObject()) } } == "the golden case red has no output 'colour'")
    let long = try refusal { golden in
      golden.changeCases { one in
        guard case .object(let inputs) = one["inputs"] else { return }
        var outputs = JSONObject()
        outputs["colour"] = inputs["image"]
        one["outputs"] = .object(outputs)
      }
    }
    #expect(long == "the golden case red has 48 numbers of the output 'colour', not 3")
    #expect(
      try refusal { $0.changeCases { $0["answers"] = .object(JSONObject()) } }
        == "the golden case red has no answer of the head 'colour'")
    #expect(
      try refusal { $0.changeCases { $0["answers"] = nil } }
        == "golden/golden.json: 'answers' is missing at $.cases[0]")
    #expect(
      try refusal { $0.changeCases { $0.changeAnswer("colour") { $0["decisions"] = nil } } }
        == "golden/golden.json: 'decisions' is missing at $.cases[0].answers.colour")
    #expect(
      try refusal { $0.changeCases { $0.changeAnswer("colour") { $0["label"] = .string("red") } } }
        == "golden/golden.json: unknown key 'label' at $.cases[0].answers.colour")
  }

  @Test func anAnswerThatIsDecodedToAnotherOneIsFound() throws {
    let scratch = try Scratch()
    func tested(_ change: (inout JSONObject) -> Void) throws -> Verdict {
      let place = try Bundles.copy("colours", into: scratch)
      try rewrite(place, change)
      return try SelfTest.run(Predictor.open(ModelBundle.open(place), [litert]))
    }
    let other = try tested { $0.changeCases { $0.changeAnswer("colour") { $0["decisions"] = .array([.number("1")]) } } }
    #expect(!other.passed && other.answersEqual == 0)
    #expect(other.reasons == ["2 of 2 golden cases have other answers here"])
    let nothing = try tested { $0.changeCases { $0.changeAnswer("colour") { $0["decisions"] = .null } } }
    #expect(!nothing.passed && nothing.answersEqual == 0)
    var last: JSON?
    let scores = try tested { golden in
      golden.changeCases { $0.changeAnswer("colour") { last = $0["scores"] } }
      golden.changeCases { $0.changeAnswer("colour") { $0["scores"] = last } }
    }
    #expect(!scores.passed && scores.answersEqual == 1)
    #expect(scores.reasons == ["1 of 2 golden cases have other answers here"])
  }

  @Test func placesThatAreRecordedOtherwiseAreFoundAndAnswersWithoutBoxesAreRead() throws {
    let scratch = try Scratch()
    func equal(_ change: (URL) throws -> Void) throws -> Int {
      let place = try Bundles.copy("places", into: scratch)
      try change(place)
      return try SelfTest.run(Predictor.open(ModelBundle.open(place), [litert])).answersEqual
    }
    let names = try Bundles.open("places").manifest.heads.map(\.name)
    for name in names {
      let found = try equal { place in
        try rewrite(place) { golden in
          var last = JSONObject()
          golden.changeCases { $0.changeAnswer(name) { last = $0 } }
          golden.changeCases { $0.changeAnswer(name) { $0 = last } }
        }
      }
      #expect(found == 1, "\(name)")
    }
    let none = try equal { place in
      try Data().write(to: place.appendingPathComponent("golden/none.bin"))
      let tensor = #"{"file": "none.bin", "sha256": "\#(sha256(Data()))", "shape": [1, 0, 5], "dtype": "float32"}"#
      let scores = try JSONParser.parse(tensor, name: "scores")
      try rewrite(place) {
        $0.changeCases { $0.changeAnswer(names[0]) { ($0["decisions"], $0["scores"]) = (.array([]), scores) } }
      }
    }
    #expect(none == 0)
  }

  @Test func anOutputThatIsNotFiniteHasTheAnswerThatNothingIsDecided() throws {
    let scratch = try Scratch()
    for (decision, equal) in [("-1", 2), ("0", 0)] {
      let place = try Bundles.copy("colours", into: scratch)
      let data = bytes(of: [.nan, 0, 1])
      try data.write(to: place.appendingPathComponent("golden/nan.bin"))
      let tensor = #"{"file": "nan.bin", "sha256": "\#(sha256(data))", "shape": [1, 3], "dtype": "float32"}"#
      let answer = #"{"decisions": [\#(decision)], "scores": \#(tensor)}"#
      let outputs = try JSONParser.parse(#"{"colour": \#(tensor)}"#, name: "outputs")
      let answers = try JSONParser.parse(#"{"colour": \#(answer)}"#, name: "answers")
      try rewrite(place) { $0.changeCases { ($0["outputs"], $0["answers"]) = (outputs, answers) } }
      let verdict = try SelfTest.run(Predictor.open(ModelBundle.open(place), [litert]))
      #expect(!verdict.passed && verdict.comparison.nonFinite == 2 && verdict.answersEqual == equal)
    }
  }

  /// Change the golden cases of a bundle, digests and all.
  private func rewrite(_ place: URL, _ change: (inout JSONObject) -> Void) throws {
    let (golden, manifest) = (place.appendingPathComponent("golden/golden.json"), place.appendingPathComponent("bundle.json"))
    guard case .object(var cases) = try JSONParser.parse(String(contentsOf: golden, encoding: .utf8), name: "golden"),
      case .object(var whole) = try JSONParser.parse(String(contentsOf: manifest, encoding: .utf8), name: "manifest"),
      case .object(var info) = whole["golden"]
    else { throw BundleError("no objects") }
    change(&cases)
    let data = Data(JSON.object(cases).text.utf8)
    try data.write(to: golden)
    if case .array(let items) = cases["cases"] { info["count"] = .number("\(items.count)") }
    info["sha256"] = .string(sha256(data))
    whole["golden"] = .object(info)
    try Data(JSON.object(whole).text.utf8).write(to: manifest)
  }

  private func verdict(_ name: String, _ file: String, _ decoder: (any PictureDecoder)?) throws -> Verdict {
    let bundle = try Bundles.open(name)
    let artifact = try #require(bundle.manifest.artifacts.first { $0.file == file })
    return try SelfTest.run(Predictor.open(bundle, artifact, litert), decoder)
  }
}

extension JSONObject {
  fileprivate mutating func changeCases(_ change: (inout JSONObject) -> Void) {
    guard case .array(let items) = self["cases"] else { return }
    self["cases"] = .array(
      items.map { item in
        guard case .object(var members) = item else { return item }
        change(&members)
        return .object(members)
      })
  }

  fileprivate mutating func changeAnswer(_ head: String, _ change: (inout JSONObject) -> Void) {
    guard case .object(var answers) = self["answers"], case .object(var answer) = answers[head] else { return }
    change(&answer)
    answers[head] = .object(answer)
    self["answers"] = .object(answers)
  }
}
