#if canImport(CoreAI)
  import CoreAI
  import EdgeCV
  import Foundation

  /// A Core AI model on Core AI, which chooses the processor of each operation among those of the device.
  @available(iOS 27, macOS 27, *)
  public final class CoreAIEngine: Engine {
    public let inputs: [Tensor]
    public let outputs: [Tensor]
    public let info: BackendInfo

    private let function: InferenceFunction
    private let feeds: [TensorIO]
    private let results: [TensorIO]

    fileprivate init(_ artifact: Artifact, _ file: ModelFile, _ units: PreferredUnit, threads: Int) throws {
      guard let place = file.url else {
        throw EngineError("\(file.name) is in a .zip, where Core AI cannot read it", "Unpack the bundle")
      }
      inputs = try tensors(of: artifact.inputs)
      outputs = try tensors(of: artifact.outputs)
      feeds = artifact.inputs
      results = artifact.outputs
      let options = try units.options()
      do {
        function = try wait { try await CoreAIEngine.load(place, options) }.value
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError(
          "Core AI cannot run \(file.name): \(error.localizedDescription)", "Try other units, or another precision")
      }
      let described = function.descriptor
      for (io, tensor) in zip(feeds, inputs) { try check(described.inputDescriptor(of: io.tensor), io, tensor, file) }
      for (io, tensor) in zip(results, outputs) { try check(described.outputDescriptor(of: io.tensor), io, tensor, file) }
      let system = ProcessInfo.processInfo.operatingSystemVersionString
      info = BackendInfo(name: "coreai", version: system, providers: [units.rawValue], threads: threads)
    }

    /// Core AI has no call that waits, so this one keeps the thread until another has the answer.
    public func run() throws {
      let (function, fed) = (function, fed())
      let made: Handed<InferenceFunction.Outputs>
      do {
        made = try wait { try await CoreAIEngine.answer(function, fed) }
      } catch {
        throw EngineError("Core AI failed: \(error.localizedDescription)")
      }
      try read(made)
    }

    public func runAsync(isolation: isolated (any Actor)?) async throws {
      let made: Handed<InferenceFunction.Outputs>
      do {
        made = try await CoreAIEngine.answer(function, fed())
      } catch {
        throw EngineError("Core AI failed: \(error.localizedDescription)")
      }
      try read(made)
    }

    private func fed() -> Handed<[String: NDArray]> {
      Handed(Dictionary(uniqueKeysWithValues: zip(feeds, inputs).map { ($0.tensor, array(of: $1)) }))
    }

    private func read(_ made: Handed<InferenceFunction.Outputs>) throws {
      for (io, tensor) in zip(results, outputs) {
        guard let value = made.value.remove(io.tensor), let array = value.ndArray else {
          throw EngineError("Core AI gave no array of numbers '\(io.tensor)'")
        }
        try copy(array, into: tensor)
      }
    }

    private nonisolated static func load(
      _ place: URL, _ options: SpecializationOptions
    ) async throws -> Handed<InferenceFunction> {
      let model = try await AIModel(contentsOf: place, options: options)
      guard let function = try model.loadFunction(named: "main") else {
        throw EngineError(
          "\(place.lastPathComponent) has no function 'main'", "Make the bundle again with edgecv convert")
      }
      return Handed(function)
    }

    private nonisolated static func answer(
      _ function: InferenceFunction, _ fed: Handed<[String: NDArray]>
    ) async throws -> Handed<InferenceFunction.Outputs> {
      Handed(try await function.run(inputs: fed.value))
    }

    /// Core AI with a preference for one kind of processor.
    public struct Factory: EngineFactory {
      public let backend: String
      public let target = Format.coreai

      private let units: PreferredUnit

      /// Core AI as it chooses by itself, or with a preference.
      public init(_ units: PreferredUnit = .all) {
        self.units = units
        backend = units == .all ? "coreai" : "coreai-\(units.rawValue)"
      }

      public func open(_ artifact: Artifact, _ model: ModelFile, threads: Int) throws -> any Engine {
        try checkThreads(threads)
        return try CoreAIEngine(artifact, model, units, threads: threads)
      }
    }
  }

  /// The processor that Core AI prefers. Only `cpu` is an order: of the others an operation may run elsewhere, and Core AI does
  /// not tell where it ran.
  @available(iOS 27, macOS 27, *)
  public enum PreferredUnit: String, CaseIterable, Sendable {
    case all
    case cpu
    case gpu = "prefer-gpu"
    case neuralEngine = "prefer-ane"

    /// - Throws: `EngineError` if this device has no such processor.
    fileprivate func options() throws -> SpecializationOptions {
      switch self {
      case .all: return .default
      case .cpu: return .cpuOnly
      case .gpu: return try preferring(.gpu, "GPU that Core AI can use")
      case .neuralEngine: return try preferring(.neuralEngine, "Neural Engine")
      }
    }

    private func preferring(_ kind: ComputeUnitKind, _ words: String) throws -> SpecializationOptions {
      if !ComputeUnitKind.availableKinds.contains(kind) { throw EngineError("this device has no \(words)", "Take .all or .cpu") }
      return SpecializationOptions(preferredComputeUnitKind: kind)
    }
  }
#endif
