import EdgeCV
import Foundation
import LiteRTLibrary

/// A TFLite file on LiteRT: the CPU's XNNPACK kernels, or LiteRT's own where XNNPACK does not take an operation.
public final class LiteRtEngine: Engine {
  public let inputs: [Tensor]
  public let outputs: [Tensor]

  /// XNNPACK where LiteRT has handed operations to it, else the built-in CPU kernels; looked up when somebody asks.
  public private(set) lazy var info = BackendInfo(
    name: "litert", version: version, providers: [litert_delegates(session) ? "XNNPACK" : "CPU"], threads: threads)

  private let version: String
  private let threads: Int
  private let session: OpaquePointer
  private let feeds: [Int]
  private let results: [Int]
  private var message = litert_message()

  fileprivate init(_ artifact: Artifact, _ model: ModelFile, threads: Int, factory: Factory) throws {
    guard let data = model.data else { throw EngineError("\(model.name) is a folder, and no TFLite file") }
    inputs = try tensors(of: artifact.inputs)
    outputs = try tensors(of: artifact.outputs)
    version = factory.version
    self.threads = threads
    var message = litert_message()
    let opened = data.withUnsafeBytes {
      litert_open(factory.library, $0.baseAddress, $0.count, Int32(threads), &message)
    }
    guard let opened else { throw EngineError("LiteRT cannot run \(model.name): \(words(message))") }
    session = opened
    do {
      feeds = try LiteRtEngine.places(of: artifact.inputs, in: opened, outputs: false, file: model.name)
      results = try LiteRtEngine.places(of: artifact.outputs, in: opened, outputs: true, file: model.name)
    } catch {
      litert_close(opened)
      throw error
    }
  }

  deinit { litert_close(session) }

  public func run() throws {
    for (tensor, place) in zip(inputs, feeds) {
      let isWritten = tensor.withUnsafeBytes { litert_write(session, place, $0.baseAddress, $0.count, &message) }
      if !isWritten { throw failed() }
    }
    if !litert_run(session, &message) { throw failed() }
    for (tensor, place) in zip(outputs, results) {
      let isRead = tensor.withUnsafeMutableBytes { litert_read(session, place, $0.baseAddress, $0.count, &message) }
      if !isRead { throw failed() }
    }
  }

  private func failed() -> EngineError { EngineError("LiteRT failed: \(words(message))") }

  /// The numbers that the file gives to the tensors of a record.
  private static func places(
    of ios: [TensorIO], in session: OpaquePointer, outputs: Bool, file: String
  ) throws -> [Int] {
    let found = (0..<litert_count(session, outputs)).map { litert_describe(session, outputs, $0) }
    if found.count != ios.count {
      throw EngineError("\(file) has \(found.count) \(outputs ? "outputs" : "inputs"), its record says \(ios.count)")
    }
    return try ios.map { io in
      guard let place = found.firstIndex(where: { String(cString: $0.name) == io.tensor }) else {
        throw EngineError("\(file) has no tensor '\(io.tensor)'", "Make the bundle again with edgecv convert")
      }
      let tensor = found[place]
      let shape = withUnsafeBytes(of: tensor.dimensions) { Array($0.bindMemory(to: Int32.self).prefix(tensor.rank)) }
      if shape.map(Int.init) != io.shape || elements[tensor.type] != io.dtype {
        throw EngineError(
          "'\(io.tensor)' in \(file) is \(elements[tensor.type] ?? "another type") \(shape), not \(io.dtype) \(io.shape)")
      }
      return place
    }
  }

  /// NumPy's names of LiteRT's element types (litert/c/litert_model_types.h).
  private static let elements: [Int32: String] = [
    1: "float32", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float16", 11: "float64",
    17: "uint16",
  ]

  /// LiteRT on the CPU.
  public struct Factory: EngineFactory {
    public let backend = "litert"
    public let target = Format.tflite

    let library: String?
    let version: String

    /// A LiteRT library.
    ///
    /// - Parameters:
    ///   - library: The path of libLiteRt; nil if the app is linked with it, or has it loaded already.
    ///   - version: The version of that library, which it does not tell by itself.
    public init(library: String? = nil, version: String = "of unknown version") {
      self.library = library
      self.version = version
    }

    public func open(_ artifact: Artifact, _ model: ModelFile, threads: Int) throws -> any Engine {
      try checkThreads(threads)
      return try LiteRtEngine(artifact, model, threads: threads, factory: self)
    }
  }
}

private func words(_ message: litert_message) -> String {
  withUnsafeBytes(of: message.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
