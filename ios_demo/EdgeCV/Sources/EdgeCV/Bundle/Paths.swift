import Foundation

private let mostBytes = 1024  // of a relative path in UTF-8; file systems take about four times as much
private let mostOfAPart = 255  // what file systems take
private let mostParts = 32

/// See that a relative path stays in the bundle.
///
/// - Throws: `BundleError` if it does not, or no file can have it.
func checkInside(_ path: String) throws {
  // Bytes, not characters: a combining mark after a slash makes one character with it.
  let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  let reason: String
  if path.utf8.contains(0) {
    reason = "which no file can have"
  } else if path.utf8.first == UInt8(ascii: "/") || path.utf8.contains(UInt8(ascii: "\\"))
    || parts[0].contains(UInt8(ascii: ":")) || parts.contains(where: { $0.elementsEqual("..".utf8) })
    || parts.allSatisfy({ $0.isEmpty || $0.elementsEqual(".".utf8) })
  {
    reason = "which leaves it"
  } else if path.utf8.count > mostBytes || parts.count > mostParts || parts.contains(where: { $0.count > mostOfAPart }) {
    reason = "which is too long"
  } else {
    return
  }
  throw BundleError("the bundle names the path '\(shortened(path))', \(reason)", "Do not use this bundle")
}

/// See that digests are some, and that counts are not negative.
func checkDigests(_ digests: [String], counts: [Int], name: String) throws {
  if let other = digests.first(where: { !isDigest($0) }) {
    throw BundleError("\(name) has the digest '\(shortened(other))', which is none", makeAnew)
  }
  if counts.contains(where: { $0 < 0 }) {
    throw BundleError("\(name) has a negative number of bytes or cases", makeAnew)
  }
}

private func isDigest(_ text: String) -> Bool {
  text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
}

/// A file's text, which is UTF-8 to the letter.
func text(of data: Data, name: String) throws -> String {
  let text = String(decoding: data, as: UTF8.self)
  if !text.utf8.elementsEqual(data) { throw BundleError("\(name) is not UTF-8", makeAnew) }
  return text
}
