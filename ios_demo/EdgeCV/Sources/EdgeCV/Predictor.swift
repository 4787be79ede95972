import Foundation

/// A bundle that answers: a frame goes in, and what each head says of it comes out. Use it on one thread (or one actor) at a
/// time.
public final class Predictor {
  /// The bundle whose model it is.
  public let bundle: ModelBundle

  /// The artifact that is loaded.
  public let artifact: Artifact

  private let engine: any Engine
  private let names: [String]
  private let reader: OutputReader
  private let preprocessors: [Preprocessor]
  private let feeds: [RealInput]

  private init(_ bundle: ModelBundle, _ artifact: Artifact, _ engine: any Engine) throws {
    self.bundle = bundle
    self.artifact = artifact
    self.engine = engine
    names = artifact.inputs.map(\.name)
    reader = OutputReader(bundle.manifest, artifact)
    preprocessors = try artifact.inputs.map { io in
      guard let spec = bundle.manifest.preprocess[io.name] else {
        throw SpecError("the input '\(io.name)' has no preprocessing")
      }
      return try Preprocessor(spec, io)
    }
    feeds = try artifact.inputs.map { try RealInput($0) }
  }

  /// The runtime that really runs the artifact.
  public var backend: BackendInfo { engine.info }

  /// Names the artifact that answers, and the runtime that runs it.
  public func describe() -> String { "\(artifact.file) on \(backend)" }

  /// How many operations the runtime means to run on each processor; nil where it does not tell. See `Engine.plan`.
  public func plan(isolation: isolated (any Actor)? = #isolation) async throws -> [String: Int]? {
    try await engine.plan(isolation: isolation)
  }

  /// Answer for a picture.
  ///
  /// - Throws: `InputError` if the model takes a tensor, or several inputs; `EngineError` if the engine failed, or the model
  ///   gave NaN.
  public func predict(_ frame: Frame) throws -> Prediction { try run(frame).prediction() }

  /// As `predict`, without an allocation of this library's once frames of this form were seen: it is always the same object.
  public func run(_ frame: Frame) throws -> LivePrediction {
    let began = now()
    let picture = try only().process(frame, into: engine.inputs[0])
    return try infer(preprocessNs: now() - began, picture)
  }

  /// As `run`, where the thread does other things while the runtime works.
  public func runAsync(_ frame: Frame, isolation: isolated (any Actor)? = #isolation) async throws -> LivePrediction {
    let began = now()
    let picture = try only().process(frame, into: engine.inputs[0])
    let prepared = now()
    try await engine.runAsync(isolation: isolation)
    return try read(StageTimes(preprocessNs: prepared - began, inferenceNs: now() - prepared, postprocessNs: 0), picture)
  }

  /// Answer for a raw tensor of a model that takes no pictures: numbers before `normalize`, of one sample.
  ///
  /// - Throws: `InputError` if the model takes pictures, or several inputs, or the length is wrong, or a value is not finite.
  public func predict(_ values: [Float]) throws -> Prediction {
    let began = now()
    try only().process(values, into: engine.inputs[0])
    return try infer(preprocessNs: now() - began).prediction()
  }

  /// Answer for preprocessed tensors, as golden cases hold them: real values of one sample in the source's layout, by input.
  ///
  /// - Throws: `InputError` if an input is missing or unknown, or a length is wrong, or a value is not finite.
  public func predictPrepared(_ tensors: [String: [Float]]) throws -> Prediction { try runPrepared(tensors).prediction() }

  /// As `predictPrepared`; it is always the same object.
  public func runPrepared(_ tensors: [String: [Float]]) throws -> LivePrediction {
    let began = now()
    try feed(tensors)
    return try infer(preprocessNs: now() - began)
  }

  /// Every output's real values for preprocessed tensors, in the order of the artifact's record; no decision is made of them.
  func outputs(for tensors: [String: [Float]]) throws -> [[Float]] {
    try feed(tensors)
    try engine.run()
    reader.readReal(engine.outputs)
    return reader.prediction.outputs.map(\.array)
  }

  /// Run the model on whatever is in its inputs, so that the first frame does not pay for what a runtime prepares lazily.
  public func warmUp(_ runs: Int = 3) throws {
    for _ in 0..<runs { try engine.run() }
  }

  private func feed(_ tensors: [String: [Float]]) throws {
    if Set(tensors.keys) != Set(names) {
      let given = tensors.keys.sorted().joined(separator: ", ")
      throw InputError("the model's inputs are \(names.joined(separator: ", ")), got \(given)")
    }
    for (i, name) in names.enumerated() { try feeds[i].write(tensors[name] ?? [], into: engine.inputs[i]) }
  }

  private func only() throws -> Preprocessor {
    if preprocessors.count > 1 {
      throw InputError("the model has \(preprocessors.count) inputs", "Give prepared tensors by name")
    }
    return preprocessors[0]
  }

  private func infer(preprocessNs: UInt64, _ picture: PicturePlace? = nil) throws -> LivePrediction {
    let began = now()
    try engine.run()
    return try read(StageTimes(preprocessNs: preprocessNs, inferenceNs: now() - began, postprocessNs: 0), picture)
  }

  private func read(_ times: StageTimes, _ picture: PicturePlace?) throws -> LivePrediction {
    let began = now()
    try reader.read(engine.outputs, picture)
    reader.prediction.times = StageTimes(
      preprocessNs: times.preprocessNs, inferenceNs: times.inferenceNs, postprocessNs: now() - began)
    return reader.prediction
  }
}

/// Nanoseconds of a clock that only goes forward.
func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

extension Predictor {
  /// Load one artifact.
  ///
  /// - Throws: `BundleError` if it is missing or was changed; `EngineError` if the factory runs another format, or the runtime
  ///   refused the file; `SpecError` if the preprocessing is none that this library does.
  public static func open(
    _ bundle: ModelBundle, _ artifact: Artifact, _ factory: any EngineFactory, threads: Int = 1
  ) throws -> Predictor {
    if factory.target != artifact.target {
      throw EngineError("\(factory.backend) does not run \(artifact.target.title) files")
    }
    let engine = try factory.open(artifact, bundle.model(artifact), threads: threads)
    return try Predictor(bundle, artifact, engine)
  }

  /// Load the best artifact that runs here: int8 before float, engines in the order given. One that failed its proof is never
  /// taken unasked.
  ///
  /// - Throws: `EngineError` if none runs here; of several reasons the first.
  public static func open(
    _ bundle: ModelBundle, _ factories: [any EngineFactory], threads: Int = 1
  ) throws -> Predictor {
    var reason: EngineError?
    for (artifact, factory) in candidates(bundle, factories) {
      do {
        return try open(bundle, artifact, factory, threads: threads)
      } catch let error as EngineError {
        reason = reason ?? error
      }
    }
    let backends = factories.map(\.backend).joined(separator: ", ")
    let listed = bundle.manifest.artifacts.map { "\($0.title) (\($0.parity.rawValue))" }.joined(separator: ", ")
    throw reason
      ?? EngineError("the bundle \(bundle.name) has nothing that passed its proof for \(backends)", "It has \(listed)")
  }

  private static func candidates(
    _ bundle: ModelBundle, _ factories: [any EngineFactory]
  ) -> [(Artifact, any EngineFactory)] {
    [["int8", "mixed"], ["float32", "float16", "dynamic", "int16x8"]].flatMap { precisions in
      factories.flatMap { factory in
        precisions.flatMap { precision in
          bundle.manifest.artifacts
            .filter { $0.target == factory.target && $0.precision == precision && $0.parity != .failed }
            .map { ($0, factory) }
        }
      }
    }
  }
}
