private let mostElements = 1 << 28  // of one input or output
private let reads = "this library reads \(schemaVersion)"

/// A manifest, and a sentence for each part of it that this library does not know and left out.
struct ReadManifest {
  let manifest: Manifest
  let leftOut: [String]

  /// Read and check `bundle.json`.
  ///
  /// - Throws: `BundleError` if it is no manifest, one of another version, or says something that cannot be.
  init(text: String, name: String) throws {
    let content = try JSONParser.parse(text, name: name)
    try checkVersion(content, name: name)
    guard case .object(let members) = content else { preconditionFailure("it has a version") }
    let (known, leftOut) = try LeftOut.from(members, name: name)
    manifest = try Manifest(Field(value: .object(known), place: "$", name: name))
    self.leftOut = leftOut.sentences
    try ManifestRules(manifest: manifest, name: name).check()
    try HeadRules(manifest: manifest, leftOut: leftOut, name: name).check()
    for artifact in manifest.artifacts { try ArtifactRules(manifest: manifest, artifact: artifact).check() }
  }
}

private func checkVersion(_ content: JSON, name: String) throws {
  var version: Int?
  if case .object(let members) = content, case .number(let written) = members["schema_version"] { version = Int(written) }
  guard let version, version >= 1 else {
    throw BundleError("\(name) has no schema_version, so it is no bundle's manifest", makeAnew)
  }
  if version > schemaVersion {
    throw BundleError("\(name) was made by a newer edgecv: its schema version is \(version), \(reads)", "Update the app")
  }
  if version < schemaVersion {
    throw BundleError(
      "\(name) was made by an older edgecv: its schema version is \(version), \(reads)",
      "Make it anew: edgecv convert MODEL -o NAME.edgecv, with the options that it was made with")
  }
}

/// The rules that a manifest as a whole must keep.
private struct ManifestRules {
  let manifest: Manifest
  let name: String

  func check() throws {
    try checkParts()
    try checkFiles()
    for spec in manifest.inputs + manifest.outputs {
      try checkForm(spec.name, spec.shape, spec.dtype, where: "\(name): the model")
    }
    for input in manifest.inputs { try checkPreprocess(input) }
    if manifest.preprocess.count > manifest.inputs.count {
      throw BundleError("\(name) preprocesses an input that the model does not have", makeAnew)
    }
  }

  private func checkParts() throws {
    let counts = [
      ("artifacts", manifest.artifacts.count), ("inputs", manifest.inputs.count), ("outputs", manifest.outputs.count),
    ]
    for (part, count) in counts where count == 0 { throw BundleError("\(name) lists no \(part)", makeAnew) }
    for (side, specs) in [("input", manifest.inputs), ("output", manifest.outputs)] {
      if let twice = firstTwice(specs.map(\.name)) {
        throw BundleError("\(name) lists the \(side) '\(shortened(twice))' twice", makeAnew)
      }
    }
    if let missing = manifest.inputs.first(where: { manifest.preprocess[$0.name] == nil }) {
      throw BundleError("\(name) does not say how the input '\(shortened(missing.name))' is preprocessed", makeAnew)
    }
  }

  private func checkFiles() throws {
    for artifact in manifest.artifacts { try checkInside(artifact.file) }
    try checkInside(manifest.golden.file)
    let digests = manifest.artifacts.map(\.sha256) + [manifest.golden.sha256, manifest.identity]
    try checkDigests(digests, counts: manifest.artifacts.map(\.bytes) + [manifest.golden.count], name: name)
  }

  /// A preprocessing gives the shape that the model takes.
  private func checkPreprocess(_ input: TensorSpec) throws {
    guard let spec = manifest.preprocess[input.name] else { return }
    let place = "\(name): preprocess of '\(shortened(input.name))': "
    try PreprocessRules(spec: spec, place: place).check()
    guard let size = spec.size else { return }
    let plane = [input.shape[0], size[0], size[1]]  // a gray picture without a channel axis
    if spec.color == .gray && input.shape == plane { return }
    let wanted = plane + [spec.color.channels]
    if input.shape != wanted {
      throw BundleError("\(place)it gives the shape \(wanted), the model takes \(input.shape)", makeAnew)
    }
  }
}

/// The first text that stands in a list a second time, or nil.
func firstTwice(_ texts: [String]) -> String? {
  var seen = Set<String>()
  return texts.first { !seen.insert($0).inserted }
}

/// See that a tensor's type and shape are some.
func checkForm(_ name: String, _ shape: [Int], _ dtype: String, where place: String) throws {
  let shown = shortened(name)
  if DType(rawValue: dtype) == nil {
    throw BundleError("'\(shown)' in \(place) has the dtype '\(shortened(dtype))'", makeAnew)
  }
  if shape.isEmpty || elementCount(shape) == nil {
    throw BundleError("'\(shown)' in \(place) has the shape \(shortened("\(shape)"))", makeAnew)
  }
}

/// How many elements a shape has; nil where a side is none, or there would be too many.
func elementCount(_ shape: [Int]) -> Int? {
  var count = 1
  for side in shape {
    if side < 1 || side > mostElements { return nil }
    count *= side
    if count > mostElements { return nil }
  }
  return count
}
