/// The rules that an artifact's record must keep: it has the source's inputs and outputs, and a precision that is one.
struct ArtifactRules {
  let manifest: Manifest
  let artifact: Artifact

  private var file: String { artifact.file }

  func check() throws {
    if !artifact.target.hasPrecision(artifact.precision) {
      throw BundleError("\(file) has the precision '\(shortened(artifact.precision))'", makeAnew)
    }
    try checkSide("inputs", artifact.inputs, manifest.inputs)
    try checkSide("outputs", artifact.outputs, manifest.outputs)
    let batches = Set((artifact.inputs + artifact.outputs).map { $0.shape[0] }).sorted()
    if batches.count > 1 || batches[0] < manifest.inputs[0].shape[0] {
      let listed = batches.map(String.init).joined(separator: ", ")
      throw BundleError("the tensors of \(file) have the batches \(listed)", makeAnew)
    }
    for io in artifact.inputs { try checkInput(io) }
    for io in artifact.outputs { try checkOutput(io) }
  }

  private func checkSide(_ side: String, _ tensors: [TensorIO], _ sources: [TensorSpec]) throws {
    if tensors.count != sources.count || Set(tensors.map(\.name)) != Set(sources.map(\.name)) {
      throw BundleError("the \(side) of \(file) are not the model's in bundle.json", makeAnew)
    }
    for io in tensors {
      guard let source = sources.first(where: { $0.name == io.name }) else { continue }
      try checkTensor(io, source)
    }
  }

  /// A tensor is the source's: but for the batch its shape is the same, in its own layout.
  private func checkTensor(_ io: TensorIO, _ source: TensorSpec) throws {
    try checkForm(io.name, io.shape, io.dtype, where: file)
    let name = shortened(io.name)
    if io.tensor.isEmpty { throw BundleError("'\(name)' in \(file) has no tensor's name", makeAnew) }
    let shape = io.shape
    let isPlanar = io.layout == .nchw && shape.count > 1
    let real = isPlanar ? shape.dropFirst(2) + [shape[1]] : shape.dropFirst()
    if shape.count != source.shape.count || Array(real) != Array(source.shape.dropFirst()) {
      throw BundleError(
        "'\(name)' in \(file) has the shape \(shape), the model's is \(source.shape) (layout \(io.layout.rawValue))",
        makeAnew)
    }
    if let quantization = io.quantization {
      try checkScale(quantization, io.dtype, "'\(name)' in \(file)")
    } else if range(io.dtype) != nil && io.normalize == nil && source.dtype.hasPrefix("float") {
      throw BundleError("'\(name)' in \(file) is \(io.dtype) without a scale", makeAnew)
    }
  }

  private func checkScale(_ quantization: QuantParams, _ dtype: String, _ name: String) throws {
    let scale = Float(quantization.scale)
    if !(scale > 0) || !scale.isFinite || !(1 / scale).isFinite {
      throw BundleError("the scale of \(name) must be over 0, got \(quantization.scale)", makeAnew)
    }
    guard let range = range(dtype) else { throw BundleError("\(name) is \(dtype), which has no scale", makeAnew) }
    if !range.contains(quantization.zeroPoint) {
      throw BundleError(
        "the zero point of \(name) must be in \(range.lowerBound)..\(range.upperBound), got \(quantization.zeroPoint)",
        makeAnew)
    }
  }

  private func range(_ dtype: String) -> ClosedRange<Int>? {
    DType(rawValue: dtype).flatMap { $0.isQuantized ? $0.range : nil }
  }

  /// An input may normalize by itself, which is for pictures of bytes.
  private func checkInput(_ io: TensorIO) throws {
    guard let spec = manifest.preprocess[io.name] else { return }
    let name = shortened(io.name)
    if io.byLabel { throw BundleError("\(file): the input '\(name)' is by_label, which outputs are", makeAnew) }
    if io.layout == .nchw && spec.kind == .tensor && io.shape.count < 3 {
      throw BundleError("\(file): the input '\(name)' has the layout NCHW and \(io.shape.count) axes", makeAnew)
    }
    guard let normalize = io.normalize else { return }
    if spec.kind != .image || io.dtype != DType.uint8.rawValue {
      throw BundleError("\(file): the input '\(name)' normalizes by itself, which pictures of uint8 do", makeAnew)
    }
    try PreprocessRules(spec: spec.with(normalize), place: "\(file): '\(name)': ").check()
  }

  /// An output may be a dictionary by its head's labels, which then are as many.
  private func checkOutput(_ io: TensorIO) throws {
    let name = shortened(io.name)
    if io.normalize != nil {
      throw BundleError("\(file): the output '\(name)' has a normalize, which inputs have", makeAnew)
    }
    if !io.byLabel { return }
    let labels = manifest.heads.first { $0.outputs.contains(io.name) }?.labels ?? []
    if labels.count != sampleCount(io) {
      throw BundleError("\(file): the output '\(name)' is by_label, and the labels are not as many", makeAnew)
    }
  }
}

extension Preprocess {
  /// The same with another normalization.
  func with(_ normalize: Normalize) -> Preprocess {
    Preprocess(
      kind: kind, size: size, orientation: orientation, depth: depth, color: color, fit: fit, resize: resize,
      normalize: normalize)
  }
}
