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
    private let feeds: [any Feed]
    private let results: [TensorIO]

    fileprivate init(_ artifact: Artifact, _ file: ModelFile, _ units: ComputeUnits, threads: Int) throws {
      inputs = try tensors(of: artifact.inputs)
      outputs = try tensors(of: artifact.outputs)
      results = artifact.outputs
      let configuration = MLModelConfiguration()
      configuration.computeUnits = units.value
      do {
        model = try MLModel(contentsOf: compiled(file), configuration: configuration)
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError("Core ML cannot run \(file.name): \(error.localizedDescription)")
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
          try write(value.dictionaryValue, into: tensor)
        } else if let array = value.multiArrayValue {
          try copy(array, into: tensor)
        } else {
          throw EngineError("'\(io.tensor)' is no array of numbers")
        }
      }
    }

    /// A dictionary from label to number, in the order of the classifier's labels.
    private func write(_ numbers: [AnyHashable: NSNumber], into tensor: Tensor) throws {
      guard let labels = model.modelDescription.classLabels as? [String], labels.count == tensor.count else {
        throw EngineError("the model is no classifier of \(tensor.count) labels")
      }
      let values = labels.map { numbers[$0]?.floatValue ?? .nan }
      tensor.withUnsafeMutableBytes { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } }
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

      /// How many of the model's operations Core ML means to run on each processor, by "cpu", "gpu" and "neural engine"; nil
      /// where the system does not tell.
      ///
      /// - Throws: `EngineError` if the model cannot be compiled.
      public func plan(_ model: ModelFile) async throws -> [String: Int]? {
        guard #available(iOS 17.4, macOS 14.4, *) else { return nil }
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units.value
        let place = try compiled(model)
        guard let plan = try? await MLComputePlan.load(contentsOf: place, configuration: configuration),
          case .program(let program) = plan.modelStructure, let main = program.functions["main"]
        else { return nil }
        var counts: [String: Int] = [:]
        for operation in main.block.operations {
          guard let usage = plan.deviceUsage(for: operation) else { continue }  // a constant
          counts[name(usage.preferred), default: 0] += 1
        }
        return counts
      }

      @available(iOS 17.4, macOS 14.4, *)
      private func name(_ device: MLComputeDevice) -> String {
        switch device {
        case .cpu: "cpu"
        case .gpu: "gpu"
        case .neuralEngine: "neural engine"
        @unknown default: "another"
        }
      }
    }
  }

  /// The processors that Core ML may use.
  public enum ComputeUnits: String, CaseIterable, Sendable {
    case all
    case cpu
    case cpuAndGPU = "cpu-gpu"
    case cpuAndNeuralEngine = "cpu-ane"

    fileprivate var value: MLComputeUnits {
      switch self {
      case .all: .all
      case .cpu: .cpuOnly
      case .cpuAndGPU: .cpuAndGPU
      case .cpuAndNeuralEngine: .cpuAndNeuralEngine
      }
    }
  }

  /// Where the compiled form of a package lies: it is made once and kept among the app's caches, under the package's digest.
  private func compiled(_ model: ModelFile) throws -> URL {
    guard let package = model.url else {
      throw EngineError("\(model.name) is in a .zip, where Core ML cannot read it", "Unpack the bundle")
    }
    let files = FileManager.default
    let caches = try files.url(for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
    let kept = caches.appendingPathComponent("edgecv/\(model.sha256).mlmodelc")
    if files.fileExists(atPath: kept.path) { return kept }
    let made = try MLModel.compileModel(at: package)
    try files.createDirectory(at: kept.deletingLastPathComponent(), withIntermediateDirectories: true)
    do {
      try files.moveItem(at: made, to: kept)
    } catch  where files.fileExists(atPath: kept.path) {
      try? files.removeItem(at: made)  // another thread was first
    }
    return kept
  }
#endif
