import Foundation

/// The outcome of a self-test: does this device give the answers that were recorded when the bundle was made?
public struct Verdict: Equatable, Sendable {
  /// True if all gates passed, all pictures gave the recorded tensors, and all recorded outputs the recorded answers.
  public let passed: Bool
  /// What ran.
  public let backend: BackendInfo
  /// The file that ran.
  public let artifact: String
  /// How many golden pictures were decoded and preprocessed here; 0 where there are none, or no decoder.
  public let pictures: Int
  /// How many of them gave the recorded tensor in every bit.
  public let picturesEqual: Int
  /// Of how many golden cases the recorded outputs were decoded here to the recorded answer of every head.
  public let answersEqual: Int
  /// The outputs against the source model's, in all and by head and part of an output.
  public let comparison: Comparison
  /// The bars, as `edgecv verify` sets them on the golden cases: one for each head, and one for each part of an output, and one
  /// for its fall below the ratio that was recorded when the artifact was made.
  public let gates: [Gate]
  /// Why it did not pass, a sentence each.
  public let reasons: [String]
}

/// Runs the golden cases of a bundle.
public enum SelfTest {
  /// Preprocess the golden pictures and compare every bit; decode the recorded outputs and compare the answers; run the golden
  /// tensors and hold the outputs against the gates.
  ///
  /// - Parameters:
  ///   - decoder: For the pictures; nil leaves them out.
  ///   - progress: Is told how many cases of how many are done.
  /// - Throws: `BundleError` if a golden file is missing or was changed, or there are no golden cases; `EngineError` if the
  ///   engine failed.
  public static func run(
    _ predictor: Predictor, _ decoder: (any PictureDecoder)? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> Verdict {
    let bundle = predictor.bundle
    let cases = try bundle.golden().cases
    if cases.isEmpty { throw BundleError("the bundle \(bundle.name) has no golden cases", makeAnew) }
    let outputs = predictor.artifact.outputs
    let specs = outputs.compactMap { io in bundle.manifest.outputs.first { $0.name == io.name } }
    var pictures = try PictureCheck(bundle, decoder)
    var answers = AnswerCheck(bundle)
    var sum = ComparisonSum(Heads.of(bundle.manifest, predictor.artifact), specs)
    for (number, one) in cases.enumerated() {
      progress(number, cases.count)
      let inputs = try one.inputs.mapValues(bundle.goldenTensor)
      try pictures.add(one, inputs)
      let made = try predictor.outputs(for: inputs)
      let wanted = try outputs.enumerated().map { try recorded(bundle, one, $1, count: made[$0].count) }
      try sum.add(one.id, wanted, made)
      try answers.add(one)
    }
    progress(cases.count, cases.count)
    return verdict(predictor, pictures, answers, sum.result)
  }

  /// The source's output, of as many numbers as the artifact's, with the activation that the artifact applies to its own.
  private static func recorded(
    _ bundle: ModelBundle, _ one: GoldenCase, _ io: TensorIO, count: Int
  ) throws -> [Float] {
    let row = try Memory(bundle.goldenOutput(one, io.name, count: count))
    activate(row, io.activation)
    return row.array
  }

  private static func verdict(
    _ predictor: Predictor, _ pictures: PictureCheck, _ answers: AnswerCheck, _ comparison: Comparison
  ) -> Verdict {
    let manifest = predictor.bundle.manifest
    let isTrained = manifest.provenance.recipe.contains("epochs")
    let recorded = manifest.parity.filter { $0.artifact == predictor.artifact.file }
    let gates = Gates.of(predictor.artifact.precision, isTrained: isTrained, comparison, recorded: recorded)
    let reasons = Gates.reasons(gates, comparison) + [pictures.reason, answers.reason].compactMap { $0 }
    return Verdict(
      passed: reasons.isEmpty, backend: predictor.backend, artifact: predictor.artifact.file, pictures: pictures.count,
      picturesEqual: pictures.equal, answersEqual: answers.equal, comparison: comparison, gates: gates, reasons: reasons)
  }
}

/// Preprocesses golden pictures once more, and compares every bit with the recorded tensor.
private struct PictureCheck {
  private let bundle: ModelBundle
  private let decoder: (any PictureDecoder)?
  private let input: String
  private let preprocessor: Preprocessor?

  private(set) var count = 0
  private(set) var equal = 0

  init(_ bundle: ModelBundle, _ decoder: (any PictureDecoder)?) throws {
    let spec = bundle.manifest.inputs[0]
    let io = TensorIO(name: spec.name, tensor: spec.name, shape: spec.shape, dtype: "float32", layout: .nhwc)
    let preprocess = bundle.manifest.preprocess[spec.name]
    self.bundle = bundle
    self.decoder = decoder
    input = spec.name
    preprocessor = try preprocess.flatMap { $0.kind == .image ? try Preprocessor($0, io) : nil }
  }

  var reason: String? {
    equal == count ? nil : "\(count - equal) of \(count) golden pictures give another tensor here"
  }

  mutating func add(_ one: GoldenCase, _ inputs: [String: [Float]]) throws {
    guard let preprocessor, let decoder, let picture = try bundle.goldenPicture(one) else { return }
    let tensor = preprocessor.tensor()
    try preprocessor.process(decoder.decode(picture), into: tensor)
    count += 1
    if Data(tensor.bytes) == inputs[input].map(bytes) { equal += 1 }
  }
}
