import Foundation

/// Compiled forms of models. Each is made once and kept among the app's caches, under the digest of what it was made of.
public enum CompiledModel {
  private static let folder = "edgecv"
  private static let suffix = "mlmodelc"

  /// The place of a model's compiled form; `compile` makes it in a temporary place where it is not there yet.
  ///
  /// - Parameter caches: The folder of caches; nil for the app's own.
  /// - Throws: `EngineError` if it cannot be made or kept.
  public static func place(
    of model: ModelFile, caches: URL? = nil, compile: (URL) throws -> URL
  ) throws -> URL {
    guard let package = model.url else {
      throw EngineError("\(model.name) is in a .zip, where it cannot be compiled", "Unpack the bundle")
    }
    do {
      let folder = try (caches ?? appCaches()).appendingPathComponent(folder)
      let kept = folder.appendingPathComponent("\(model.sha256).\(suffix)")
      if FileManager.default.fileExists(atPath: kept.path) { return kept }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try keep(compiled(model, package, compile), at: kept)
      return kept
    } catch let error as EngineError {
      throw error
    } catch {
      throw EngineError(
        "the compiled form of \(model.name) cannot be kept: \(error.localizedDescription)", "Free some space on this device")
    }
  }

  private static func appCaches() throws -> URL {
    try FileManager.default.url(for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
  }

  private static func compiled(_ model: ModelFile, _ package: URL, _ compile: (URL) throws -> URL) throws -> URL {
    do {
      return try compile(package)
    } catch {
      throw EngineError(
        "\(model.name) cannot be compiled here: \(error.localizedDescription)",
        "Does this system have what the model needs? Else make the bundle again with edgecv convert")
    }
  }

  private static func keep(_ made: URL, at kept: URL) throws {
    do {
      try FileManager.default.moveItem(at: made, to: kept)
    } catch  where FileManager.default.fileExists(atPath: kept.path) {
      try? FileManager.default.removeItem(at: made)  // another thread was first
    }
  }
}
