import Foundation

/// The place where the files of a bundle lie. Paths are relative to the bundle, with `/`; the bundle has checked that none
/// leaves it. `DirectorySource` and `ZipSource` are here.
public protocol BundleSource: Sendable {
  /// The name that messages call the bundle, such as its file name.
  var name: String { get }

  /// Says whether the bundle has a file of that path.
  func exists(_ path: String) throws -> Bool

  /// The files of a folder and below, by their paths in it; nil where that path is no folder.
  ///
  /// - Throws: `BundleError` if the folder holds what no digest covers.
  func files(_ path: String) throws -> [String]?

  /// The bytes of a file.
  ///
  /// - Throws: `BundleError` if there is no such file.
  func size(_ path: String) throws -> Int

  /// A whole file, mapped where the source can, of at most so many bytes.
  ///
  /// - Throws: `BundleError` if there is no such file, or it cannot be read, or is larger.
  func read(_ path: String, most: Int) throws -> Data

  /// Where a file or folder lies on the disk; nil where it does not.
  func url(_ path: String) -> URL?
}

/// The refusal of a file that is larger than it may be.
func tooLarge(_ path: String, most: Int) -> BundleError {
  BundleError("\(shortened(path)) is larger than \(most >> 20) MiB", "Do not use this bundle")
}

/// A NAME.edgecv folder.
public struct DirectorySource: BundleSource {
  public let name: String
  private let folder: URL
  private let inner: String

  /// The folder at that place.
  public init(_ folder: URL) {
    self.folder = folder
    name = folder.lastPathComponent
    inner = folder.resolvingSymlinksInPath().path
  }

  public func exists(_ path: String) throws -> Bool { try kind(inFolder(path)) == .typeRegular }

  public func files(_ path: String) throws -> [String]? {
    let root = try inFolder(path)
    guard kind(root) == .typeDirectory else { return nil }
    guard let listed = FileManager.default.enumerator(atPath: root.path) else {
      throw BundleError("\(name)/\(shortened(path)) cannot be read", makeAnew)
    }
    var found: [String] = []
    for case let entry as String in listed {
      let isLink = listed.fileAttributes?[.type] as? FileAttributeType == .typeSymbolicLink
      let file = try inFolder("\(path)/\(entry)")
      if kind(file) == .typeRegular {
        found.append(entry)
      } else if isLink {
        throw BundleError("\(path)/\(entry) is a link to a folder, which no digest covers", "Do not use this bundle")
      }
    }
    return found
  }

  public func size(_ path: String) throws -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: there(path).path)
    return attributes?[.size] as? Int ?? 0
  }

  public func read(_ path: String, most: Int) throws -> Data {
    let file = try there(path)
    if try size(path) > most { throw tooLarge(path, most: most) }
    do {
      return try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw BundleError("\(name)/\(shortened(path)) cannot be read: \(error.localizedDescription)", makeAnew)
    }
  }

  public func url(_ path: String) -> URL? { try? inFolder(path) }

  private func there(_ path: String) throws -> URL {
    let file = try inFolder(path)
    if kind(file) != .typeRegular { throw BundleError("\(name)/\(shortened(path)) is missing", makeAnew) }
    return file
  }

  /// A path of the folder with its links followed, unless one of them leads out of it.
  private func inFolder(_ path: String) throws -> URL {
    let file = folder.appendingPathComponent(path).resolvingSymlinksInPath()
    if !file.path.utf8.starts(with: "\(inner)/".utf8) {
      throw BundleError(
        "\(shortened(path)) is a link that leads outside the bundle", "Copy the bundle with what its links lead to")
    }
    return file
  }

  private func kind(_ file: URL) -> FileAttributeType? {
    (try? FileManager.default.attributesOfItem(atPath: file.path))?[.type] as? FileAttributeType
  }
}
