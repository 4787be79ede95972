import Foundation
import TestSupport
import Testing

@testable import EdgeCV
@testable import EdgeCVLiteRT

/// LiteRT's library, which `make test-ios` takes from the wheel `ai-edge-litert`.
let litert = LiteRtEngine.Factory(
  library: ProcessInfo.processInfo.environment["LITERT_LIBRARY"],
  version: ProcessInfo.processInfo.environment["LITERT_VERSION"] ?? "?")

/// Bundles of `edgecv convert` on LiteRT give what they give in Python.
struct PredictorTests {
  @Test(arguments: PythonAnswers.all) func everyBundleAnswersAsInPython(_ python: PythonAnswers) throws {
    let predictor = try opened(python)
    let golden = try predictor.bundle.golden().cases
    for one in python.cases {
      let case_ = try #require(golden.first { $0.id == one.id })
      try check(one, answer(predictor, case_), isExact: predictor.artifact.precision == "int8")
    }
    #expect(!python.cases.isEmpty)
  }

  @Test func theBundlesThatAreAskedForAreThere() {
    let made = Set(PythonAnswers.all.map { "\($0.bundle) \($0.artifact)" })
    let wanted = ["digits", "people"].flatMap { name in ["float32", "int8"].map { "\(name) tflite/model.\($0).tflite" } }
    #expect(made.isSuperset(of: wanted))
    let names = [
      "digits_int8", "digits_plane", "two_by_two", "two_heads", "batch", "logits", "binary", "multilabel", "regression",
      "places",
    ]
    #expect(Set(PythonAnswers.all.map(\.bundle)).isSuperset(of: names))
  }

  /// Outputs of int8 must be equal, floats within a millionth (of one, or of a larger value). Of equal outputs the scores must be
  /// equal to the bit, whatever activation was applied here.
  private func check(_ python: PythonCase, _ made: Prediction, isExact: Bool) throws {
    #expect(python.answers.map(\.head) == made.answers.map(\.head.name))
    for (wanted, answer) in zip(python.answers, made.answers) {
      let output = answer.head.outputs[0]
      let isEqual = python.outputs[output] == made.outputs[output]?.map(Double.init)
      #expect(wanted.kind == answer.head.kind.title)
      #expect(wanted.label == answer.label && wanted.index == answer.index && wanted.labels == answer.labels)
      #expect(distance(wanted.scores, answer.scores) <= (isEqual || isExact ? 0 : 1e-6), "\(python.id): \(wanted.head)")
      // Of a pixel, or of a place over one; the pixels of masks and pictures are whole numbers.
      #expect(distance(wanted.places, numbers(answer.places)) <= 1e-5, "\(python.id): places of \(wanted.head)")
    }
    #expect(Set(python.outputs.keys) == Set(made.outputs.keys))
    for (name, values) in python.outputs {
      #expect(distance(values, made.outputs[name] ?? []) <= (isExact ? 0 : 1e-6), "\(python.id): \(name)")
    }
    #expect(made.label == made.answers[0].label && made.index == made.answers[0].index && made.scores == made.answers[0].scores)
  }

  private func numbers(_ places: Answer.Places) -> [Float] {
    switch places {
    case .none: []
    case .boxes(let boxes): boxes.flatMap { [$0.left, $0.top, $0.right, $0.bottom] }
    case .points(let points): points.flatMap { [$0.x, $0.y] }
    case .mask(let mask): mask.classes.map(Float.init)
    case .picture(let made): made.pixels.map(Float.init)
    }
  }

  @Test func everyKindOfPlaceLiesWhereThePictureIsUpright() throws {
    let predictor = try Predictor.open(Bundles.open("places"), [litert])
    for one in try predictor.bundle.golden().cases {
      let encoded = try #require(try predictor.bundle.goldenPicture(one))
      let upright = try #require(try PNGDecoder().decode(encoded) as? RgbFrame)
      let (wanted, made) = (try predictor.predict(upright), try predictor.predict(quarterTurned(upright)))
      #expect(wanted.answers == made.answers && wanted.answers.count == 5)
      let picture = try #require(made.picture)
      #expect(picture == wanted.picture && (picture.height, picture.width) == (upright.height, upright.width))
      guard case .boxes(let boxes) = wanted.answers[0].places, case .mask(let mask) = wanted.answers[1].places,
        case .points(let points) = wanted.answers[2].places, case .picture(let drawn) = wanted.answers[3].places
      else { Issue.record("other places"); return }
      let (right, bottom) = (Float(upright.width), Float(upright.height))
      #expect(!boxes.isEmpty && boxes.allSatisfy { $0.left >= 0 && $0.right <= right && $0.top >= 0 && $0.bottom <= bottom })
      #expect(wanted.index == boxes[0].index && wanted.score == boxes[0].score)
      #expect(wanted.top(2).map(\.index) == boxes.prefix(2).map(\.index))
      #expect((mask.height, mask.width) == (upright.height, upright.width))
      #expect(points.count == 3 && wanted.answers[2].head.decode?.skeleton == [[0, 1], [1, 2]])
      #expect(drawn.width <= 16 && drawn.height <= 12 && drawn.pixels.count == drawn.width * drawn.height * 3)
    }
  }

  /// The same picture stored as a camera that lies on its side stores it: to be turned clockwise by 90 degrees.
  private func quarterTurned(_ upright: RgbFrame) throws -> RgbFrame {
    let (width, height) = (upright.height, upright.width)
    let pixels = (0..<width * height).flatMap { pixel in
      let at = 3 * (pixel % width * upright.width + upright.width - 1 - pixel / width)
      return upright.bytes[at..<at + 3]
    }
    return try RgbFrame().set(Array(pixels), width: width, height: height, orientation: 6)
  }

  @Test func withoutAPicturePlacesAreThoseInTheInput() throws {
    let predictor = try Predictor.open(Bundles.open("places"), [litert])
    let bundle = predictor.bundle
    let one = try #require(try bundle.golden().cases.first { $0.id == "same" })  // whose picture has the input's size
    let made = try predictor.predictPrepared(one.inputs.mapValues(bundle.goldenTensor))
    #expect(made.picture == nil)
    let wanted = try predictor.predict(PNGDecoder().decode(#require(try bundle.goldenPicture(one))))
    #expect(made.answers == wanted.answers)
  }

  private func distance(_ wanted: [Double], _ made: [Float]) -> Double {
    if wanted.count != made.count { return .infinity }
    return zip(wanted, made).map { abs($0 - Double($1)) / max(1, abs($0)) }.max() ?? 0
  }

  private func answer(_ predictor: Predictor, _ one: GoldenCase) throws -> Prediction {
    if let picture = try predictor.bundle.goldenPicture(one) { return try predictor.predict(PNGDecoder().decode(picture)) }
    return try predictor.predictPrepared(one.inputs.mapValues(predictor.bundle.goldenTensor))
  }

  private func opened(_ python: PythonAnswers) throws -> Predictor {
    let bundle = try Bundles.open(python.bundle)
    let artifact = try #require(bundle.manifest.artifacts.first { $0.file == python.artifact })
    return try Predictor.open(bundle, artifact, litert)
  }

  @Test func preparedTensorsGiveTheAnswerOfTheirPicture() throws {
    let bundle = try Bundles.open("digits")
    let predictor = try Predictor.open(bundle, bundle.artifact(.tflite, "float32"), litert)
    for one in try bundle.golden().cases {
      let picture = try #require(try bundle.goldenPicture(one))
      let prepared = try predictor.predictPrepared(one.inputs.mapValues(bundle.goldenTensor))
      #expect(try predictor.predict(PNGDecoder().decode(picture)).scores == prepared.scores)
    }
  }

  @Test func theBestArtifactIsTheInt8OneAndTheAnswerSaysWhatRan() throws {
    let predictor = try Predictor.open(Bundles.open("digits"), [litert], threads: 2)
    #expect(predictor.artifact.precision == "int8")
    #expect(predictor.describe() == "tflite/model.int8.tflite on litert \(litert.version) (XNNPACK), 2 threads")
  }

  @Test(arguments: [("whole", "XNNPACK"), ("part", "XNNPACK"), ("nothing", "CPU")])
  func whetherXNNPACKRunsIsSaidAsInPython(_ name: String, _ provider: String) throws {
    let said = try Data(contentsOf: Bundles.folder.appendingPathComponent("kernels/providers.json"))
    let python = try JSONDecoder().decode([String: [String]].self, from: said)
    #expect(python[name] == [provider])
    let predictor = try Predictor.open(Bundles.open("kernels/\(name)"), [litert])
    let before = try predictor.predict(RgbFrame().set((0..<48).map { UInt8($0 + 1) }, width: 4, height: 4)).outputs
    #expect(predictor.backend.providers == [provider])
    #expect(try predictor.predict(RgbFrame().set((0..<48).map { UInt8($0 + 1) }, width: 4, height: 4)).outputs == before)
  }

  @Test func oneAndSeveralThreadsAnswerTheSame() throws {
    let bundle = try Bundles.open("digits")
    let inputs = try bundle.golden().cases[0].inputs.mapValues(bundle.goldenTensor)
    let made = try [1, 2, 4].map { threads in
      try Predictor.open(bundle, bundle.artifact(.tflite, "int8"), litert, threads: threads).predictPrepared(inputs).scores
    }
    #expect(made[0] == made[1] && made[1] == made[2])
  }

  @Test func anActorsPredictorAnswersAsynchronously() async throws {
    let answered = try await Asking().ask()
    let wanted = try Predictor.open(Bundles.open("digits"), [litert]).predict(frame()).label
    #expect(answered == wanted)
  }

  @Test func topBestAndLabelAgree() throws {
    let answer = try Predictor.open(Bundles.open("digits"), [litert]).run(frame())
    var best = [Int](repeating: 0, count: 12)
    answer.best(into: &best)
    let prediction = answer.prediction()
    #expect(Array(best.prefix(10)) == prediction.top(10).map(\.index) && best.suffix(2) == [-1, -1])
    #expect(best[0] == prediction.index && answer.label(best[0]) == prediction.label)
    #expect(answer.answers[0].score(best[0]) == prediction.score)
    #expect(prediction.times.inferenceNs > 0 && prediction.times.preprocessNs > 0)
  }

  @Test func whatAModelDoesNotTakeIsRefused() throws {
    let predictor = try Predictor.open(Bundles.open("digits"), [litert])
    #expect(
      message { _ = try predictor.predict([Float](repeating: 0, count: 256)) }
        == "the input 'image' takes a picture, not a tensor")
    #expect(message { _ = try predictor.run(RgbFrame()) } == "the frame is empty")
    func prepared(_ name: String, _ values: [Float]) -> String? { message { _ = try predictor.predictPrepared([name: values]) } }
    #expect(prepared("picture", []) == "the model's inputs are image, got picture")
    #expect(prepared("image", [Float](repeating: 0, count: 255)) == "the input 'image' takes 256 numbers, got 255")
    #expect(prepared("image", [Float](repeating: .nan, count: 256)) == "the tensor for 'image' holds NaN or infinity")
    let two = try Predictor.open(Bundles.open("two_by_two"), [litert])
    #expect(message { _ = try two.predict([0, 0, 0, 0]) } == "the model has 2 inputs")
  }

  @Test func whatLiteRTCannotRunIsRefused() throws {
    let bundle = try Bundles.open("digits")
    let artifact = try bundle.artifact(.tflite, "int8")
    #expect(message { _ = try Predictor.open(bundle, bundle.artifact(.onnx), litert) } == "litert does not run onnx files")
    #expect(message { _ = try Predictor.open(bundle, artifact, litert, threads: 0) } == "threads must be at least 1, got 0")
    let nowhere = LiteRtEngine.Factory(library: "/nowhere/libLiteRt.so")
    #expect(try #require(message { _ = try Predictor.open(bundle, artifact, nowhere) }).contains("its library cannot be loaded"))
    let linked = LiteRtEngine.Factory()
    #expect(try #require(message { _ = try Predictor.open(bundle, artifact, linked) }).contains("is not in this app"))
    #expect(try #require(hint { _ = try Predictor.open(bundle, []) }).contains("tflite int8 (passed)"))
    let text = ModelFile(name: "x.tflite", data: Data("no model".utf8), url: nil, sha256: "", colors: [:])
    #expect(try #require(message { _ = try litert.open(artifact, text, threads: 1) }).hasPrefix("LiteRT cannot run x.tflite: "))
    let float = try bundle.model(bundle.artifact(.tflite, "float32"))
    let people = try Bundles.open("people").artifact(.tflite, "int8")
    #expect(message { _ = try litert.open(people, float, threads: 1) } != nil)
  }
}

/// Keeps a predictor and asks it without blocking its thread.
private actor Asking {
  private var predictor: Predictor?

  func ask() async throws -> String? {
    let opened = try Predictor.open(Bundles.open("digits"), [litert])
    predictor = opened
    return try await opened.runAsync(frame()).prediction().label
  }
}

/// The first golden picture of the digits.
private func frame() throws -> Frame {
  let bundle = try Bundles.open("digits")
  return try PNGDecoder().decode(bundle.goldenPicture(bundle.golden().cases[0]) ?? Data())
}
