import EdgeCV
import Foundation

/// The repository, seen from this file.
public let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../../..").standardizedFileURL

/// Bundles that `python -m tests.ios.bundles` made with `edgecv convert`.
public enum Bundles {
  public static let folder = repository.appendingPathComponent("build/ios")

  public static func place(_ name: String) -> URL { folder.appendingPathComponent("\(name).edgecv") }

  public static func open(_ name: String) throws -> ModelBundle { try ModelBundle.open(place(name)) }

  /// The bundles that are there; ResNet8 is made only where its weights are.
  public static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".edgecv") }.map { String($0.dropLast(7)) }.sorted()
  }

  /// A copy in a folder of its own, to be changed.
  public static func copy(_ name: String, into scratch: Scratch) throws -> URL {
    let copy = scratch.folder.appendingPathComponent("\(name).edgecv")
    if FileManager.default.fileExists(atPath: copy.path) { try FileManager.default.removeItem(at: copy) }
    try FileManager.default.copyItem(at: place(name), to: copy)
    return copy
  }
}

/// A folder that goes with its test.
public final class Scratch {
  public let folder: URL

  public init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("edgecv-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
