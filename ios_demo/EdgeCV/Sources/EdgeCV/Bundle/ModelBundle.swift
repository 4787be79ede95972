import Foundation

private let manifestFile = "bundle.json"
private let mostManifest = 16 << 20  // bytes
private let mostGolden = 64 << 20  // of the list of golden cases, which has sketches of every layer
private let mostPicture = 256 << 20
private let mostModel = 4 << 30

/// A bundle: what it says of itself, and its files. Nothing in one is trusted before it is checked.
public struct ModelBundle: Sendable {
  /// All of `bundle.json` that this library knows.
  public let manifest: Manifest

  /// A sentence for each artifact of a newer format and each head of a newer kind: this library does not know them and left
  /// them out.
  public let leftOut: [String]

  private let source: any BundleSource

  /// Read and check a bundle.
  ///
  /// - Throws: `BundleError` if it is missing, damaged, unsafe, or written by another version.
  public static func open(_ source: any BundleSource) throws -> ModelBundle {
    if try !source.exists(manifestFile) {
      throw BundleError("\(source.name) has no \(manifestFile)", "Is this a bundle made by edgecv convert?")
    }
    let data = try source.read(manifestFile, most: mostManifest)
    let read = try ReadManifest(text: text(of: data, name: manifestFile), name: "\(source.name)/\(manifestFile)")
    return ModelBundle(manifest: read.manifest, leftOut: read.leftOut, source: source)
  }

  /// Open a NAME.edgecv folder or a NAME.edgecv.zip.
  ///
  /// - Throws: `BundleError`, see above.
  public static func open(_ place: URL) throws -> ModelBundle {
    var isFolder: ObjCBool = false
    if !FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder) {
      throw BundleError("\(place.path) does not exist", "Give a NAME.edgecv folder or a NAME.edgecv.zip")
    }
    return try open(isFolder.boolValue ? DirectorySource(place) : ZipSource(place))
  }

  /// The name that messages call the bundle.
  public var name: String { manifest.name }

  /// The digest of what the bundle was made from and how.
  public var identity: String { manifest.identity }

  /// The first artifact of that format and precision.
  ///
  /// - Throws: `BundleError` if there is none; the hint lists those there are.
  public func artifact(_ target: Format? = nil, _ precision: String? = nil) throws -> Artifact {
    let found = manifest.artifacts.first {
      (target == nil || $0.target == target) && (precision == nil || $0.precision == precision)
    }
    if let found { return found }
    let wanted = [target?.title, precision].compactMap { $0 }.joined(separator: " ")
    throw BundleError(
      "the bundle \(name) has no \(wanted.isEmpty ? "artifact" : wanted)",
      "It has \(manifest.artifacts.map(\.title).joined(separator: ", "))")
  }

  /// An artifact's file or folder, after its size and digest were checked.
  ///
  /// - Throws: `BundleError` if it is missing or was changed.
  public func model(_ artifact: Artifact) throws -> ModelFile {
    let file = artifact.file
    if let inner = try source.files(file) {
      let sizes = try inner.map { try source.size("\(file)/\($0)") }
      try checkSize(artifact, sizes.reduce(0, +))
      try checkDigest(file, treeDigest(file, inner), artifact.sha256)
      return modelFile(artifact, nil)
    }
    if try !source.exists(file) { throw BundleError("\(file) is missing", makeAnew) }
    try checkSize(artifact, source.size(file))
    let data = try source.read(file, most: mostModel)
    try checkDigest(file, sha256(data), artifact.sha256)
    return modelFile(artifact, data)
  }

  private func modelFile(_ artifact: Artifact, _ data: Data?) -> ModelFile {
    let pictures = manifest.preprocess.filter { $0.value.kind == .image }
    return ModelFile(
      name: artifact.file, data: data, url: source.url(artifact.file), sha256: artifact.sha256,
      colors: pictures.mapValues(\.color))
  }

  /// The list of golden cases.
  ///
  /// - Throws: `BundleError` if it was changed or is damaged.
  public func golden() throws -> Golden {
    let info = manifest.golden
    let data = try read(info.file, digest: info.sha256, most: mostGolden)
    let golden = try Golden(json: text(of: data, name: info.file), name: info.file)
    if golden.cases.count != info.count {
      throw BundleError("\(info.file) lists \(golden.cases.count) cases, \(manifestFile) has \(info.count)", makeAnew)
    }
    return golden
  }

  /// A golden tensor's real values.
  ///
  /// - Throws: `BundleError` if it was changed, or is no float32 of that length.
  public func goldenTensor(_ tensor: GoldenTensor) throws -> [Float] {
    try floats(of: goldenBytes(tensor, .float32))
  }

  /// What golden cases record of an answer: float32, or uint8 of masks and pictures.
  func goldenAnswer(_ answer: GoldenAnswer) throws -> Recorded {
    let tensor = answer.scores
    if tensor.dtype != DType.uint8.title { return Recorded(answer.decisions, tensor.shape, try goldenTensor(tensor)) }
    return Recorded(answer.decisions, tensor.shape, pixels: [UInt8](try goldenBytes(tensor, .uint8)))
  }

  /// The bytes of a golden tensor of that type; there may be none, as of no boxes.
  private func goldenBytes(_ tensor: GoldenTensor, _ dtype: DType) throws -> Data {
    let file = try goldenFile(tensor.file)
    let sides = tensor.shape.filter { $0 != 0 }
    guard let product = elementCount(sides) else {
      throw BundleError("\(file) has the shape \(shortened("\(tensor.shape)"))", makeAnew)
    }
    let count = sides.count < tensor.shape.count ? 0 : product * dtype.size
    let data = try read(file, digest: tensor.sha256, most: count)
    if tensor.dtype != dtype.title || data.count != count {
      throw BundleError("\(file) does not hold \(tensor.dtype) \(tensor.shape)", makeAnew)
    }
    return data
  }

  /// A golden case's picture, encoded; nil where it has none.
  ///
  /// - Throws: `BundleError` if it was changed or is missing.
  public func goldenPicture(_ goldenCase: GoldenCase) throws -> Data? {
    guard let image = goldenCase.image else { return nil }
    return try read(goldenFile(image), digest: goldenCase.imageSha256, most: mostPicture)
  }

  /// A file that lies beside the list of golden cases.
  private func goldenFile(_ name: String) throws -> String {
    let folder = manifest.golden.file.split(separator: "/").dropLast().joined(separator: "/")
    let file = folder.isEmpty ? name : "\(folder)/\(name)"
    try checkInside(file)
    return file
  }

  private func read(_ file: String, digest: String?, most: Int) throws -> Data {
    if try !source.exists(file) { throw BundleError("\(file) is missing", makeAnew) }
    let data = try source.read(file, most: most)
    if let digest { try checkDigest(file, sha256(data), digest) }
    return data
  }

  /// The digest of a folder: that of its `sha256  relative/path` lines, sorted by path.
  private func treeDigest(_ folder: String, _ files: [String]) throws -> String {
    let sorted = files.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    let lines = try sorted.map { "\(try sha256(source.read("\(folder)/\($0)", most: mostModel)))  \($0)\n" }
    return sha256(Data(lines.joined().utf8))
  }

  private func checkSize(_ artifact: Artifact, _ size: Int) throws {
    if size == artifact.bytes { return }
    throw BundleError("\(artifact.file) has \(size) bytes, \(manifestFile) says \(artifact.bytes)", makeAnew)
  }

  private func checkDigest(_ file: String, _ found: String, _ wanted: String) throws {
    if found != wanted { throw BundleError("\(file) was changed since the bundle was made", makeAnew) }
  }
}
