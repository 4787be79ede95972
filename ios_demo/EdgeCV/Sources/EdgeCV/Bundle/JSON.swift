import Foundation

/// A value of a JSON text. Numbers are kept as they are written, so that 1 and 1.5 can be told apart.
enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  /// A string that no text can hold: it has half of a surrogate pair.
  case brokenString
  case array([JSON])
  case object(JSONObject)

  /// The value as compact JSON.
  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let written): written
    case .string(let value): JSON.quoted(value)
    case .brokenString: "\"\\ud800\""
    case .array(let items): "[\(items.map(\.text).joined(separator: ","))]"
    case .object(let object):
      "{\(object.members.map { "\(JSON.quoted($0.key)):\($0.value.text)" }.joined(separator: ","))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var written = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": written += "\\\""
      case "\\": written += "\\\\"
      case _ where scalar.value < 0x20: written += "\\u" + hexadecimal(UInt16(scalar.value))
      default: written.unicodeScalars.append(scalar)
      }
    }
    return written + "\""
  }

  private static func hexadecimal(_ value: UInt16) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}

/// The members of a JSON object in the order of the text; of a key that is there twice the last one counts.
struct JSONObject: Equatable, Sendable {
  private(set) var keys: [String] = []
  private var values: [String: JSON] = [:]

  var members: [(key: String, value: JSON)] { keys.map { ($0, values[$0] ?? .null) } }

  subscript(key: String) -> JSON? {
    get { values[key] }
    set {
      if values[key] == nil, newValue != nil { keys.append(key) }
      if newValue == nil { keys.removeAll { $0 == key } }
      values[key] = newValue
    }
  }
}

private let deepest = 200

/// Reads a JSON text by RFC 8259, to the letter.
struct JSONParser {
  private let bytes: [UInt8]
  private let name: String
  private var at = 0

  /// Read a text.
  ///
  /// - Throws: `BundleError` if it is not JSON; `name` is what the message calls it.
  static func parse(_ text: String, name: String) throws -> JSON {
    var parser = JSONParser(bytes: Array(text.utf8), name: name)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.at < parser.bytes.count { throw parser.refused("something follows its end") }
    return value
  }

  private init(bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
  }

  private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func refused(_ reason: String) -> BundleError {
    BundleError("\(name) is not JSON: \(reason), at byte \(at)", makeAnew)
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { at += 1 }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard current == byte.asciiValue else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws -> JSON {
    if depth > deepest { throw refused("it is nested too deeply") }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return try string().map(JSON.string) ?? .brokenString
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ letters: String, _ value: JSON) throws -> JSON {
    guard bytes[at...].starts(with: letters.utf8) else { throw refused("an unknown word is there") }
    at += letters.utf8.count
    return value
  }

  private mutating func array(depth: Int) throws -> JSON {
    at += 1
    var items: [JSON] = []
    skipSpace()
    if take("]") { return .array(items) }
    repeat {
      items.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    if !take("]") { throw refused("an array does not end") }
    return .array(items)
  }

  private mutating func object(depth: Int) throws -> JSON {
    at += 1
    var members = JSONObject()
    skipSpace()
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\""), let key = try string() else { throw refused("a key is no text") }
      skipSpace()
      if !take(":") { throw refused("a key has no value") }
      members[key] = try value(depth: depth + 1)
      skipSpace()
    } while take(",")
    if !take("}") { throw refused("an object does not end") }
    return .object(members)
  }

  private mutating func number() throws -> JSON {
    let start = at
    _ = take("-")
    if !take("0"), digits() == 0 { throw refused("a value is missing") }
    if take("."), digits() == 0 { throw refused("a number has no digits after its point") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw refused("a number has no digits in its exponent") }
    }
    return .number(String(decoding: bytes[start..<at], as: UTF8.self))
  }

  private mutating func digits() -> Int {
    let start = at
    while let byte = current, (0x30...0x39).contains(byte) { at += 1 }
    return at - start
  }

  /// A string; nil where it has half of a surrogate pair.
  private mutating func string() throws -> String? {
    at += 1
    var letters: [UInt8] = []
    var isWhole = true
    while true {
      guard let byte = current, byte >= 0x20 else { throw refused("a string does not end") }
      at += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte != UInt8(ascii: "\\") {
        letters.append(byte)
      } else if let scalar = try escape() {
        letters.append(contentsOf: Array(String(Character(scalar)).utf8))
      } else {
        isWhole = false
      }
    }
    return isWhole ? String(decoding: letters, as: UTF8.self) : nil
  }

  private static let escapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
    UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
  ]

  /// What follows a backslash; nil is half of a surrogate pair.
  private mutating func escape() throws -> Unicode.Scalar? {
    guard let byte = current else { throw refused("a string does not end") }
    at += 1
    if let scalar = JSONParser.escapes[byte] { return scalar }
    if byte != UInt8(ascii: "u") { throw refused("an unknown escape is there") }
    let first = try unit()
    guard (0xd800..<0xdc00).contains(first) else { return Unicode.Scalar(first) }
    guard bytes[at...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else { return nil }
    at += 2
    let second = try unit()
    guard (0xdc00..<0xe000).contains(second) else { return nil }
    return Unicode.Scalar(0x10000 + (UInt32(first) - 0xd800) << 10 + UInt32(second) - 0xdc00)
  }

  private mutating func unit() throws -> UInt16 {
    let end = at + 4
    guard end <= bytes.count, bytes[at..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt16(String(decoding: bytes[at..<end], as: UTF8.self), radix: 16)
    else { throw refused("an escape has no four digits") }
    at = end
    return value
  }
}
