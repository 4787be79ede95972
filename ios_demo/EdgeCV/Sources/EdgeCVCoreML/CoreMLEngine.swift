#if canImport(CoreML)
  @preconcurrency import CoreML
  import EdgeCV
  import Foundation

  /// A Core ML package on Core ML, which chooses the processor among the compute units that it is allowed.
  public final class CoreMLEngine: Engine {
    public let inputs: [Tensor]
    public let outputs: [Tensor]
    public let info: BackendInfo

    private let model: MLModel
    private let place: URL
    private let units: ComputeUnits
    private let feeds: [any Feed]
    private let results: [TensorIO]

    fileprivate init(_ artifact: Artifact, _ file: ModelFile, _ units: ComputeUnits, threads: Int) throws {
      inputs = try tensors(of: artifact.inputs)
      outputs = try tensors(of: artifact.outputs)
      results = artifact.outputs
      self.units = units
      place = try CompiledModel.place(of: file) { try MLModel.compileModel(at: $0) }
      do {
        model = try MLModel(contentsOf: place, configuration: units.configuration)
      } catch {
        throw EngineError(
          "Core ML cannot run \(file.name): \(error.localizedDescription)", "Try other compute units, or another precision")
      }
      let described = model.modelDescription
      for io in artifact.inputs where described.inputDescriptionsByName[io.tensor] == nil {
        throw EngineError("\(file.name) has no input '\(io.tensor)'", "Make the bundle again with edgecv convert")
      }
      for io in artifact.outputs where described.outputDescriptionsByName[io.tensor] == nil {
        throw EngineError("\(file.name) has no output '\(io.tensor)'", "Make the bundle again with edgecv convert")
      }
      feeds = try zip(artifact.inputs, inputs).map { io, tensor in
        if io.normalize == nil { return try ArrayFeed(io, tensor) }
        return try PictureFeed(io, tensor, file.colors[io.name] ?? .rgb)
      }
      let system = ProcessInfo.processInfo.operatingSystemVersionString
      info = BackendInfo(name: "coreml", version: system, providers: [units.rawValue], threads: threads)
    }

    public func run() throws {
      do {
        try read(model.prediction(from: fed()))
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError("Core ML failed: \(error.localizedDescription)")
      }
    }

    public func runAsync(isolation: isolated (any Actor)?) async throws {
      guard #available(iOS 17, macOS 14, *) else { return try run() }
      do {
        let made = try await model.prediction(from: fed(), options: MLPredictionOptions())
        try read(made)
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError("Core ML failed: \(error.localizedDescription)")
      }
    }

    private func fed() throws -> MLDictionaryFeatureProvider {
      for feed in feeds { try feed.fill() }
      return try MLDictionaryFeatureProvider(
        dictionary: Dictionary(uniqueKeysWithValues: feeds.map { ($0.name, $0.value) }))
    }

    private func read(_ made: any MLFeatureProvider) throws {
      for (io, tensor) in zip(results, outputs) {
        guard let value = made.featureValue(for: io.tensor) else { throw EngineError("Core ML gave no '\(io.tensor)'") }
        if io.byLabel {
          try tensor.fill(value.dictionaryValue, byLabel: model.modelDescription.classLabels as? [String] ?? [])
        } else if let array = value.multiArrayValue {
          try copy(array, into: tensor)
        } else {
          throw EngineError("'\(io.tensor)' is no array of numbers")
        }
      }
    }

    public func plan(isolation: isolated (any Actor)?) async throws -> [String: Int]? {
      guard #available(iOS 17.4, macOS 14.4, *) else { return nil }
      return try await CoreMLEngine.plan(place, units)
    }

    /// The processors that Core ML prefers for the operations of a compiled model; constants have none.
    @available(iOS 17.4, macOS 14.4, *)
    private nonisolated static func plan(_ place: URL, _ units: ComputeUnits) async throws -> [String: Int]? {
      let plan: MLComputePlan
      do {
        plan = try await MLComputePlan.load(contentsOf: place, configuration: units.configuration)
      } catch {
        throw EngineError("Core ML does not tell its plan: \(error.localizedDescription)", "The answers do not depend on it")
      }
      guard case .program(let program) = plan.modelStructure, let main = program.functions["main"] else { return nil }
      return main.block.operations.compactMap { plan.deviceUsage(for: $0) }.reduce(into: [:]) { counts, usage in
        counts[name(usage.preferred), default: 0] += 1
      }
    }

    @available(iOS 17.4, macOS 14.4, *)
    private static func name(_ device: MLComputeDevice) -> String {
      switch device {
      case .cpu: "cpu"
      case .gpu: "gpu"
      case .neuralEngine: "neural engine"
      @unknown default: "another"
      }
    }

    /// Core ML with these compute units.
    public struct Factory: EngineFactory {
      public let backend: String
      public let target = Format.coreml

      private let units: ComputeUnits

      /// Core ML on these compute units; it may use any of them.
      public init(_ units: ComputeUnits = .all) {
        self.units = units
        backend = units == .all ? "coreml" : "coreml-\(units.rawValue)"
      }

      public func open(_ artifact: Artifact, _ model: ModelFile, threads: Int) throws -> any Engine {
        try checkThreads(threads)
        return try CoreMLEngine(artifact, model, units, threads: threads)
      }
    }
  }

  /// The processors that Core ML may use.
  public enum ComputeUnits: String, CaseIterable, Sendable {
    case all
    case cpu
    case cpuAndGPU = "cpu-gpu"
    case cpuAndNeuralEngine = "cpu-ane"

    fileprivate var configuration: MLModelConfiguration {
      let made = MLModelConfiguration()
      made.computeUnits = value
      return made
    }

    private var value: MLComputeUnits {
      switch self {
      case .all: .all
      case .cpu: .cpuOnly
      case .cpuAndGPU: .cpuAndGPU
      case .cpuAndNeuralEngine: .cpuAndNeuralEngine
      }
    }
  }
#endif
