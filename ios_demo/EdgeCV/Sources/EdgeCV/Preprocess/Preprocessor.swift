/// From a picture or a raw tensor to one input of an artifact, bit for bit as docs/preprocessing.md says.
///
/// What depends on a frame's form (size, strides, orientation) is prepared once and kept for the last four forms; after that a
/// frame costs no allocation. Use it on one thread at a time.
public final class Preprocessor {
  private let io: TensorIO
  private let dtype: DType
  private let image: ImageSteps?
  private let real: RealInput
  private let scale: [Float]
  private let offset: [Float]

  /// Prepare for one input.
  ///
  /// - Throws: `SpecError` if the input is of a type that is not filled, or lacks its scale, or the preprocessing its size.
  public init(_ spec: Preprocess, _ io: TensorIO) throws {
    let store = try store(for: io)
    guard let dtype = DType(rawValue: io.dtype) else { throw SpecError("the input '\(io.name)' is \(io.dtype)") }
    self.io = io
    self.dtype = dtype
    // An artifact that normalizes by itself takes the pixels, as bytes.
    image = spec.kind == .image ? try ImageSteps(io.normalize == nil ? spec : spec.with(Normalize()), io, store) : nil
    real = try RealInput(io)
    scale = spec.normalize.scale.map { Float($0) }
    offset = spec.normalize.offset.map { Float($0) }
  }

  /// A tensor of the artifact's shape and type, of zeros.
  public func tensor() -> Tensor { Tensor(dtype, io.shape) }

  /// Fill the first sample of a tensor, which must be of the artifact's type and shape, from a picture.
  ///
  /// - Returns: Where the picture lies in the input.
  /// - Throws: `InputError` if the model takes a tensor here, or the frame was never set, or the picture is too thin.
  @discardableResult public func process(_ frame: Frame, into tensor: Tensor) throws -> PicturePlace {
    check(tensor)
    guard let image else { throw InputError("the input '\(io.name)' takes a tensor, not a picture") }
    if frame.width == 0 { throw InputError("the frame is empty", "Call its set() first") }
    return try image.run(frame, tensor)
  }

  /// Fill the first sample of a tensor, which must be of the artifact's type and shape, from numbers in the source's layout.
  ///
  /// - Throws: `InputError` if the model takes a picture here, or the length is wrong, or a value is not finite.
  public func process(_ values: [Float], into tensor: Tensor) throws {
    check(tensor)
    if image != nil { throw InputError("the input '\(io.name)' takes a picture, not a tensor") }
    try real.write(
      values.enumerated().map { $1 * scale[$0 % scale.count] + offset[$0 % offset.count] }, into: tensor)
  }

  private func check(_ tensor: Tensor) {
    precondition(
      tensor.dtype == dtype && tensor.shape == io.shape,
      "the tensor must be \(io.dtype) \(io.shape), got \(tensor.dtype.title) \(tensor.shape)")
  }
}

/// The steps that pictures go through.
private final class ImageSteps: Sink {
  private let spec: Preprocess
  private let tall: Int
  private let wide: Int
  private let finish: Finish
  private var kept: [Prepared] = []
  private var current: Placement?
  private var target: Tensor?

  private static let mostKept = 4

  init(_ spec: Preprocess, _ io: TensorIO, _ store: Store) throws {
    guard let size = spec.size, size.count == 2 else {
      throw SpecError("the preprocessing has no size", "Fit it to the model's input first")
    }
    if sampleCount(io) != size[0] * size[1] * spec.color.channels {
      throw SpecError("the input '\(io.name)' of \(io.shape) is no picture of \(size)")
    }
    self.spec = spec
    (tall, wide) = (size[0], size[1])
    finish = Finish(spec, io, store, tall: tall, wide: wide)
    kept.reserveCapacity(ImageSteps.mostKept)
  }

  func run(_ frame: Frame, _ tensor: Tensor) throws -> PicturePlace {
    let prepared = try prepared(frame)
    let placement = prepared.picture.placement
    current = placement
    target = tensor
    defer { target = nil }
    if !placement.isWhole { finish.padAll(tensor) }
    prepared.plan.run(frame, self)
    return prepared.picture
  }

  func bytes(_ y: Int, _ row: Memory<UInt8>) {
    guard let current, let target else { return }
    finish.write(row, target, y: current.down.at + y, x: current.across.at, columns: current.across.shown)
  }

  func floats(_ y: Int, _ row: Memory<Float>) {
    guard let current, let target else { return }
    finish.write(row, target, y: current.down.at + y, x: current.across.at, columns: current.across.shown)
  }

  /// What frames of this form need; the form that was asked for last comes first.
  private func prepared(_ frame: Frame) throws -> Prepared {
    let form = FrameForm(frame, ignoresExif: spec.orientation == .ignore)
    if let place = kept.firstIndex(where: { $0.form == form }) {
      let found = kept[place]
      if place > 0 { kept.swapAt(0, place) }
      return found
    }
    let placement = try Placement(
      spec.fit, height: form.uprightHeight, width: form.uprightWidth, tall: tall, wide: wide)
    let picture = PicturePlace(height: form.uprightHeight, width: form.uprightWidth, placement)
    let made = Prepared(form: form, picture: picture, plan: plan(placement, form))
    if kept.count == ImageSteps.mostKept { kept.removeLast() }
    kept.insert(made, at: 0)
    return made
  }

  private func plan(_ placement: Placement, _ form: FrameForm) -> any Plan {
    let (down, across) = (placement.down, placement.across)
    let channels = spec.color.channels
    let isPillow = spec.resize.semantics == .pillow
    let source = { [color = spec.color] columns in Sampler(form, color, columns) }
    let kernel = spec.resize.kernel
    if placement.isUnscaled && (isPillow || kernel != .lanczos) {
      return Pick(source(shown(across)), shown(down))
    }
    switch (kernel, isPillow) {
    case (.nearest, true): return Pick(source(pillowNearest(across)), pillowNearest(down))
    case (.nearest, false): return Pick(source(tfNearest(across)), tfNearest(down))
    case (_, true): return PillowPlan(source, kernel, placement, channels: channels)
    case (.bilinear, false): return BilinearPlan(source, placement, channels: channels)
    case (.bicubic, false):
      return RowsFirstPlan(source, placement, tfBicubic(down), tfBicubic(across), channels: channels)
    case (.lanczos, false):
      return RowsFirstPlan(source, placement, tfLanczos(down), tfLanczos(across), channels: channels)
    case (.box, false): return BoxPlan(source, placement, channels: channels)
    }
  }

  private func shown(_ axis: Axis) -> [Int] {
    Array(axis.first + axis.skipped..<axis.first + axis.skipped + axis.shown)
  }

  private struct Prepared {
    let form: FrameForm
    let picture: PicturePlace
    let plan: any Plan
  }
}
