private let largest = 3.4028234663852886e38  // float32

/// Keras's own normalizations (`keras.applications.imagenet_utils.preprocess_input`), as the shortest decimals of float32
/// numbers.
private let presets: [(name: String, normalize: Normalize)] = [
  ("none", Normalize()),
  ("rescale", Normalize(scale: [0.003921569], offset: [0])),
  ("tf", Normalize(scale: [0.007843138], offset: [-1])),
  (
    "torch",
    Normalize(scale: [0.017124753, 0.017507004, 0.017429193], offset: [-2.117904, -2.0357144, -1.8044444])
  ),
  ("caffe", Normalize(scale: [1], offset: [-103.939, -116.779, -123.68])),
]

/// The rules that the record of a preprocessing must keep; `place` begins the messages.
struct PreprocessRules {
  let spec: Preprocess
  let place: String

  func check() throws {
    try checkFit(spec.fit)
    if spec.kind == .tensor { try checkTensor() }
    if spec.kind == .image && spec.size == nil { throw BundleError("\(place)it has no size", makeAnew) }
    if let size = spec.size, size.count != 2 || size.contains(where: { $0 < 1 }) {
      throw refused("size", "height and width of at least 1", "\(size)")
    }
    if let preset = spec.normalize.preset { try checkPreset(preset) }
    try checkNumbers("scale", spec.normalize.scale)
    try checkNumbers("offset", spec.normalize.offset)
    if spec.normalize.scale.contains(0) { throw refused("normalize.scale", "other than zero", "\(spec.normalize.scale)") }
    if let pad = spec.fit.pad, !fitsChannels(pad.count) {
      throw refused("fit.pad", "1 or \(spec.color.channels) values", "\(pad)")
    }
  }

  private func checkTensor() throws {
    if spec != Preprocess(kind: .tensor, normalize: spec.normalize) {
      throw refused("size, orientation, depth, color, fit and resize", "left out with kind = 'tensor'", "\(spec)")
    }
  }

  private func checkNumbers(_ field: String, _ values: [Double]) throws {
    if values.isEmpty || values.contains(where: { abs($0) > largest }) {
      throw refused("normalize.\(field)", "finite numbers of float32", "\(values)")
    }
    if spec.kind == .image && !fitsChannels(values.count) {
      throw refused("normalize.\(field)", "1 or \(spec.color.channels) values", "\(values)")
    }
  }

  private func checkPreset(_ name: String) throws {
    guard let own = presets.first(where: { $0.name == name })?.normalize else {
      throw refused("normalize.preset", "one of \(presets.map(\.name).joined(separator: ", "))", shortened(name))
    }
    let given = "with normalize.preset = '\(name)'"
    let (scale, offset) = (spec.normalize.scale, spec.normalize.offset)
    if scale != own.scale { throw refused("normalize.scale", "\(own.scale) \(given)", "\(scale)") }
    if offset != own.offset { throw refused("normalize.offset", "\(own.offset) \(given)", "\(offset)") }
  }

  private func fitsChannels(_ count: Int) -> Bool { count == 1 || count == spec.color.channels }

  private func checkFit(_ fit: Fit) throws {
    let owners = [
      ("fraction", fit.fraction.map { "\($0)" }, FitMode.crop),
      ("shorter", fit.shorter.map { "\($0)" }, FitMode.resizeCrop),
      ("pad", fit.pad.map { "\($0)" }, FitMode.letterbox),
    ]
    for case (let field, let value?, let mode) in owners where fit.mode != mode {
      throw refused("fit.\(field)", "given only with mode = '\(mode.rawValue)'", value)
    }
    if fit.mode == .resizeCrop && fit.shorter == nil {
      throw refused("fit.shorter", "given with mode = 'resize_crop'", "null")
    }
    if let fraction = fit.fraction, !(fraction > 0 && fraction <= 1) {
      throw refused("fit.fraction", "over 0 and at most 1", "\(fraction)")
    }
    if let shorter = fit.shorter, !(1...65536).contains(shorter) {
      throw refused("fit.shorter", "1 to 65536 pixels", "\(shorter)")
    }
    if let pad = fit.pad, !pad.allSatisfy((0...255).contains) { throw refused("fit.pad", "values in 0..255", "\(pad)") }
  }

  private func refused(_ field: String, _ rule: String, _ got: String) -> BundleError {
    BundleError("\(place)\(field) must be \(rule), got \(got)", makeAnew)
  }
}
