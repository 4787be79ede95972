import Foundation

/// The runtime that really runs an artifact: the library and its version, the providers or delegates in force, and the threads.
public struct BackendInfo: Equatable, Sendable, CustomStringConvertible {
  public let name: String
  public let version: String
  public let providers: [String]
  public let threads: Int

  /// What an engine says of itself.
  public init(name: String, version: String, providers: [String], threads: Int) {
    self.name = name
    self.version = version
    self.providers = providers
    self.threads = threads
  }

  public var description: String {
    "\(name) \(version) (\(providers.joined(separator: ", "))), \(threads) thread\(threads == 1 ? "" : "s")"
  }
}

/// One loaded artifact. Fill `inputs`, call `run()`, read `outputs`; all from one thread at a time.
public protocol Engine: AnyObject {
  /// The artifact's inputs, in the order of its record.
  var inputs: [Tensor] { get }

  /// The artifact's outputs, in the order of its record; they hold until the next run.
  var outputs: [Tensor] { get }

  /// The runtime that really runs it.
  var info: BackendInfo { get }

  /// Infer once.
  ///
  /// - Throws: `EngineError` if a kernel failed.
  func run() throws

  /// Infer once and let the thread do other things meanwhile, where the runtime can.
  ///
  /// - Throws: `EngineError` if a kernel failed.
  func runAsync(isolation: isolated (any Actor)?) async throws

  /// How many of the model's operations the runtime means to run on each processor, by "cpu", "gpu" and "neural engine"; nil
  /// where it does not tell.
  ///
  /// - Throws: `EngineError` if it should tell and cannot.
  func plan(isolation: isolated (any Actor)?) async throws -> [String: Int]?
}

extension Engine {
  /// Infer once; without a way of its own an engine keeps the thread.
  public func runAsync(isolation: isolated (any Actor)?) async throws { try run() }

  /// Says nothing of processors: those of `info` are all that is known.
  public func plan(isolation: isolated (any Actor)?) async throws -> [String: Int]? { nil }
}

/// The file or folder of an artifact after its size and digest were checked.
public struct ModelFile: Sendable {
  /// The artifact's path in the bundle, for messages.
  public let name: String

  /// The bytes of a file; nil for a folder, as Core ML's packages are.
  public let data: Data?

  /// Where it lies on the disk; nil in a .zip.
  public let url: URL?

  /// The digest of the file or folder.
  public let sha256: String

  /// The order of the channels in each input that is a picture.
  public let colors: [String: ColorOrder]
}

/// Opens artifacts of one format on one runtime.
public protocol EngineFactory: Sendable {
  /// The name that a benchmark calls it: "litert", "coreml".
  var backend: String { get }

  /// The format of the files that it runs.
  var target: Format { get }

  /// Load an artifact.
  ///
  /// - Throws: `EngineError` if the runtime refused it, or what was asked for is not to be had: never another one silently.
  func open(_ artifact: Artifact, _ model: ModelFile, threads: Int) throws -> any Engine
}

/// See that a number of threads is one.
public func checkThreads(_ threads: Int) throws {
  if threads < 1 { throw EngineError("threads must be at least 1, got \(threads)") }
}
