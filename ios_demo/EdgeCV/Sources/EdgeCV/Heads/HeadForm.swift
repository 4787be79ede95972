/// The size of a model's picture, in pixels.
struct Canvas: Equatable {
  let height: Int
  let width: Int

  init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// That of a model's first input that is a picture; nil where it takes none.
  init?(_ manifest: Manifest) {
    let pictures = manifest.inputs.lazy.compactMap { manifest.preprocess[$0.name] }.filter { $0.kind == .image }
    guard let size = pictures.compactMap(\.size).first, size.count == 2 else { return nil }
    self.init(height: size[0], width: size[1])
  }
}

private let wholeTypes = ["int", "uint", "bool"]  // how the types of whole numbers begin

/// A head's record beside the form of what it is of.
struct HeadForm {
  let spec: HeadSpec
  /// The shapes of its outputs in the order of `spec.outputs`, in the source's layout, batch included.
  let shapes: [[Int]]
  /// Their types.
  let dtypes: [String]
  /// The size of the model's picture; nil where it takes none.
  let canvas: Canvas?

  init(_ spec: HeadSpec, shapes: [[Int]], dtypes: [String], canvas: Canvas?) {
    self.spec = spec
    self.shapes = shapes
    self.dtypes = dtypes
    self.canvas = canvas
  }

  /// That of a head of the manifest, whose outputs are outputs of the model.
  init(_ manifest: Manifest, _ spec: HeadSpec) {
    let outputs = spec.outputs.compactMap { name in manifest.outputs.first { $0.name == name } }
    self.init(spec, shapes: outputs.map(\.shape), dtypes: outputs.map(\.dtype), canvas: Canvas(manifest))
  }

  /// How many numbers its first output has in one sample.
  var width: Int { shapes[0].dropFirst().reduce(1, *) }

  /// The size of the model's picture, which was checked to be there.
  var picture: Canvas {
    guard let canvas else { preconditionFailure("checked when the manifest was read") }
    return canvas
  }

  /// Whether all its values are whole numbers, such as indices.
  var isWhole: Bool { dtypes.allSatisfy { dtype in wholeTypes.contains { dtype.hasPrefix($0) } } }

  /// The shape of one of its outputs; nil of another one.
  func shape(of output: String) -> [Int]? { spec.outputs.firstIndex(of: output).map { shapes[$0] } }

  /// See that the record keeps the rules of its kind.
  ///
  /// - Throws: `SpecError` if it does not, or does not fit its outputs.
  func check() throws {
    let type = spec.kind.type
    try type.checkDecoder(self)
    try type.checkThresholds(self)
    guard let labels = spec.labels else { return }
    if labels.isEmpty { throw SpecError("its list of labels is empty") }
    try type.checkLabels(self, labels.count)
  }
}
