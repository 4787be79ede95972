/// A value of a JSON text with its place, as "$.artifacts[0].bytes", and the name of the file for messages.
struct Field {
  let value: JSON
  let place: String
  let name: String

  func refused(_ wanted: String) -> BundleError {
    let got = value.text
    let shown = got.count > 40 ? "\(got.prefix(40))..." : got
    return BundleError("\(name): \(place) must be \(wanted), got \(shown)", makeAnew)
  }
}

/// What can be read from a field, to the letter: another type of value is an error.
protocol FieldReadable {
  init(_ field: Field) throws
}

/// What is read from an object with these keys; unknown keys are refused, with a list of the known ones.
protocol RecordReadable: FieldReadable {
  static var keys: [String] { get }
  init(_ record: Record) throws
}

extension RecordReadable {
  init(_ field: Field) throws {
    self = try Self(Record(field, keys: Self.keys))
  }

  /// Read a whole text, called `name` in messages.
  ///
  /// - Throws: `BundleError` if it is not JSON, or not this record.
  init(json: String, name: String) throws {
    self = try Self(Field(value: JSONParser.parse(json, name: name), place: "$", name: name))
  }
}

/// An object whose keys are all known.
struct Record {
  private let members: JSONObject
  private let field: Field
  private let keys: [String]

  init(_ field: Field, keys: [String]) throws {
    guard case .object(let members) = field.value else { throw field.refused("an object") }
    if let unknown = members.keys.first(where: { !keys.contains($0) }) {
      throw BundleError(
        "\(field.name): unknown key '\(shortened(unknown))' at \(field.place)",
        "Known keys there are \(keys.joined(separator: ", "))")
    }
    self.members = members
    self.field = field
    self.keys = keys
  }

  /// The value of a key that must be there.
  func value<T: FieldReadable>(_ key: String) throws -> T {
    guard let field = member(key) else {
      throw BundleError("\(field.name): '\(key)' is missing at \(field.place)", makeAnew)
    }
    return try T(field)
  }

  /// The value of a key that may be left out.
  func value<T: FieldReadable>(_ key: String, or fallback: T) throws -> T {
    try member(key).map(T.init) ?? fallback
  }

  private func member(_ key: String) -> Field? {
    precondition(keys.contains(key), "\(key) is no key of this record")
    return members[key].map { Field(value: $0, place: "\(field.place).\(key)", name: field.name) }
  }
}

extension JSON: FieldReadable {
  init(_ field: Field) { self = field.value }
}

extension String: FieldReadable {
  init(_ field: Field) throws {
    guard case .string(let value) = field.value else { throw field.refused("a string") }
    self = value
  }
}

extension Bool: FieldReadable {
  init(_ field: Field) throws {
    guard case .bool(let value) = field.value else { throw field.refused("true or false") }
    self = value
  }
}

extension Int: FieldReadable {
  init(_ field: Field) throws {
    guard case .number(let written) = field.value, let value = Int(written) else {
      throw field.refused("a whole number")
    }
    self = value
  }
}

extension Double: FieldReadable {
  init(_ field: Field) throws {
    guard case .number(let written) = field.value, let value = Double(written), value.isFinite else {
      throw field.refused("a number")
    }
    self = value
  }
}

extension Optional: FieldReadable where Wrapped: FieldReadable {
  init(_ field: Field) throws {
    self = field.value == .null ? nil : try Wrapped(field)
  }
}

extension Array: FieldReadable where Element: FieldReadable {
  init(_ field: Field) throws {
    guard case .array(let items) = field.value else { throw field.refused("an array") }
    self = try items.enumerated().map { index, item in
      try Element(Field(value: item, place: "\(field.place)[\(index)]", name: field.name))
    }
  }
}

extension Dictionary: FieldReadable where Key == String, Value: FieldReadable {
  init(_ field: Field) throws {
    guard case .object(let object) = field.value else { throw field.refused("an object") }
    self = [:]
    for (key, item) in object.members {
      self[key] = try Value(Field(value: item, place: "\(field.place).\(key)", name: field.name))
    }
  }
}

extension FieldReadable where Self: RawRepresentable & CaseIterable, RawValue == String {
  init(_ field: Field) throws {
    guard case .string(let word) = field.value, let known = Self(rawValue: word) else {
      throw field.refused("one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self = known
  }
}
