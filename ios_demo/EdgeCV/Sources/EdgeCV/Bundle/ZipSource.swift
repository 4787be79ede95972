import Foundation

/// A NAME.edgecv.zip, read in place: the files at its top, or in one folder there.
public struct ZipSource: BundleSource {
  private static let mostUnpacked = 8 << 30  // bytes; no edge model comes near
  private static let free = 64 << 20  // bytes that a bundle may unpack to, however small it is packed
  private static let mostRatio = 50  // unpacked over packed, above that: weights do not compress like that, bombs do
  private static let mostEntries = 4096

  public let name: String
  private let archive: ZipArchive
  private let top: String

  /// The archive at that place.
  ///
  /// - Throws: `BundleError` if it is no .zip, or one that is damaged or would harm.
  public init(_ file: URL) throws {
    name = file.lastPathComponent
    do {
      archive = try ZipArchive(Data(contentsOf: file, options: .mappedIfSafe), name: name)
    } catch let error as BundleError {
      throw error
    } catch {
      throw BundleError("\(name) is not a readable .zip: \(error.localizedDescription)", makeAnew)
    }
    let entries = archive.entries
    if entries.count > ZipSource.mostEntries {
      throw BundleError(
        "\(name) holds \(entries.count) files, a bundle has at most \(ZipSource.mostEntries)", "Do not use it")
    }
    if let twice = firstTwice(entries.map(\.path)) {
      throw BundleError("\(name) holds \(shortened(twice)) twice", "Do not use it")
    }
    for entry in entries { try checkInside(entry.path.hasSuffix("/") ? String(entry.path.dropLast()) : entry.path) }
    let total = entries.reduce(0) { $0 + $1.size }
    if total > min(ZipSource.mostUnpacked, ZipSource.free + ZipSource.mostRatio * archive.size) {
      throw BundleError("\(name) unpacks to \(total / 1_000_000) MB, which no bundle does", "Do not use it")
    }
    let folders = Set(entries.map { $0.path.contains("/") ? $0.path.split(separator: "/").first.map(String.init) : nil })
    top = if folders.count == 1, let only = folders.first, let only { "\(only)/" } else { "" }
  }

  public func exists(_ path: String) throws -> Bool { archive.entry(top + path) != nil }

  public func files(_ path: String) throws -> [String]? {
    let folder = "\(top)\(path)/"
    let inner = archive.entries.filter { $0.path.hasPrefix(folder) && !$0.path.hasSuffix("/") }
    return inner.isEmpty ? nil : inner.map { String($0.path.dropFirst(folder.count)) }
  }

  public func size(_ path: String) throws -> Int { try entry(path).size }

  public func read(_ path: String, most: Int) throws -> Data {
    let entry = try entry(path)
    if entry.size > most { throw tooLarge(path, most: most) }
    return try archive.unpack(entry)
  }

  public func url(_ path: String) -> URL? { nil }

  private func entry(_ path: String) throws -> ZipArchive.Entry {
    guard let entry = archive.entry(top + path) else { throw BundleError("\(name)/\(path) is missing", makeAnew) }
    return entry
  }
}

/// The entries of a .zip file (PKWARE's APPNOTE), stored or packed with deflate.
private struct ZipArchive: Sendable {
  /// One file or folder; `start` is where its local header lies.
  struct Entry: Sendable {
    let path: String
    let isPacked: Bool
    let packed: Int
    let size: Int
    let check: UInt32
    let start: Int
  }

  let entries: [Entry]
  private let data: Data
  private let name: String

  var size: Int { data.count }

  init(_ data: Data, name: String) throws {
    self.data = data
    self.name = name
    let bytes = Bytes(data: data)
    let ends = stride(from: data.count - 22, through: max(0, data.count - 22 - 0xffff), by: -1)
    guard data.count >= 22, let end = ends.first(where: { bytes.number($0, 4) == 0x0605_4b50 }) else {
      throw ZipArchive.refused(name, "it has no list of files")
    }
    guard let count = bytes.number(end + 10, 2), var at = bytes.number(end + 16, 4) else {
      throw ZipArchive.refused(name, "it ends too early")
    }
    var entries: [Entry] = []
    for _ in 0..<count {
      guard let (entry, next) = try ZipArchive.entry(bytes, at, name) else {
        throw ZipArchive.refused(name, "its list of files is damaged")
      }
      entries.append(entry)
      at = next
    }
    self.entries = entries
  }

  /// An entry of the list of files, and where the next one begins.
  private static func entry(_ bytes: Bytes, _ at: Int, _ name: String) throws -> (Entry, Int)? {
    guard bytes.number(at, 4) == 0x0201_4b50, let method = bytes.number(at + 10, 2), let check = bytes.number(at + 16, 4),
      let packed = bytes.number(at + 20, 4), let size = bytes.number(at + 24, 4), let length = bytes.number(at + 28, 2),
      let extra = bytes.number(at + 30, 2), let comment = bytes.number(at + 32, 2), let start = bytes.number(at + 42, 4),
      let path = bytes.text(at + 46, length)
    else { return nil }
    if method != 0 && method != 8 {
      throw BundleError("\(name) is packed with neither store nor deflate", "Pack it anew with an ordinary zip tool")
    }
    if max(packed, size, start) == 0xffff_ffff {
      throw BundleError("\(name) is a .zip of more than 4 GB, which this library does not read", "Use the folder")
    }
    let entry = Entry(
      path: path, isPacked: method == 8, packed: packed, size: size, check: UInt32(truncatingIfNeeded: check), start: start)
    return (entry, at + 46 + length + extra + comment)
  }

  /// The file of that path; nil where there is none, or a folder.
  func entry(_ path: String) -> Entry? { entries.first { $0.path == path && !path.hasSuffix("/") } }

  func unpack(_ entry: Entry) throws -> Data {
    let bytes = Bytes(data: data)
    guard bytes.number(entry.start, 4) == 0x0403_4b50, let length = bytes.number(entry.start + 26, 2),
      let extra = bytes.number(entry.start + 28, 2),
      let packed = bytes.slice(entry.start + 30 + length + extra, entry.packed),
      let file = entry.isPacked ? Inflate.unpack(packed, most: entry.size) : packed,
      file.count == entry.size, crc32(file) == entry.check
    else { throw ZipArchive.refused(name, "\(shortened(entry.path)) is damaged") }
    return file
  }

  private static func refused(_ name: String, _ reason: String) -> BundleError {
    BundleError("\(name) is not a readable .zip: \(reason)", makeAnew)
  }
}

/// Numbers and texts in the bytes of an archive; nil where the bytes end.
private struct Bytes {
  let data: Data

  func slice(_ at: Int, _ count: Int) -> Data? {
    guard at >= 0, count >= 0, at <= data.count - count else { return nil }
    return data.subdata(in: data.startIndex + at..<data.startIndex + at + count)
  }

  /// A little-endian number.
  func number(_ at: Int, _ count: Int) -> Int? {
    slice(at, count).map { $0.reversed().reduce(0) { $0 << 8 | Int($1) } }
  }

  func text(_ at: Int, _ count: Int) -> String? { slice(at, count).map { String(decoding: $0, as: UTF8.self) } }
}

private let crcTable: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
}

private func crc32(_ data: Data) -> UInt32 {
  ~data.reduce(~0) { crcTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
}
