/// The way of real numbers into an artifact's input of that type.
///
/// - Throws: `SpecError` if the input is of a type that is not filled, or lacks its scale.
func store(for io: TensorIO) throws -> Store {
  let dtype = DType(rawValue: io.dtype)
  if io.normalize != nil { return .byte(Quantizer(.uint8, QuantParams(scale: 1, zeroPoint: 0))) }
  switch dtype {
  case .float32: return .float32
  case .float16: return .float16
  case .int8?, .uint8?, .int16?:
    guard let dtype, let params = io.quantization else {
      throw SpecError("the input '\(io.name)' is \(io.dtype) without a scale and zero point")
    }
    return dtype == .int16 ? .int16(Quantizer(dtype, params)) : .byte(Quantizer(dtype, params))
  default: throw SpecError("the input '\(io.name)' is \(io.dtype), which this library does not fill")
  }
}

/// How many numbers one sample has.
func sampleCount(_ io: TensorIO) -> Int { io.shape.dropFirst().reduce(1, *) }

/// Real numbers of one sample in the source's layout on their way into an artifact's input, in its type and layout.
final class RealInput {
  private let io: TensorIO
  private let count: Int
  private let order: Order
  private let line: Line

  init(_ io: TensorIO) throws {
    self.io = io
    count = sampleCount(io)
    order = Order(io)
    line = try store(for: io).line(size: count, table: [])
  }

  /// Write the numbers into the first sample. An artifact that normalizes by itself gets the bytes that normalize to them, or
  /// come nearest.
  ///
  /// - Throws: `InputError` if the length is wrong, or a value is not finite.
  func write(_ values: [Float], into tensor: Tensor) throws {
    if values.count != count { throw InputError("the input '\(io.name)' takes \(count) numbers, got \(values.count)") }
    for (i, value) in values.enumerated() {
      if !value.isFinite { throw InputError("the tensor for '\(io.name)' holds NaN or infinity") }
      line.set(order.raw(i), io.normalize.map { pixel(value, $0, at: i) } ?? value)
    }
    line.put(tensor, at: 0, from: 0, count: count)
  }

  private func pixel(_ value: Float, _ normalize: Normalize, at index: Int) -> Float {
    let scale = Float(normalize.scale[index % normalize.scale.count])
    let offset = Float(normalize.offset[index % normalize.offset.count])
    return ((value - offset) / scale).rounded(.toNearestOrEven)
  }
}

/// An artifact's output of one sample as float32 in the source's layout.
struct RealOutput {
  let count: Int
  private let order: Order
  private let scale: Float?
  private let zeroPoint: Int

  init(_ io: TensorIO) {
    count = sampleCount(io)
    order = Order(io)
    scale = io.quantization.map { Float($0.scale) }
    zeroPoint = io.quantization?.zeroPoint ?? 0
  }

  func read(_ tensor: Tensor, into values: Memory<Float>) {
    for i in values.indices {
      let at = order.raw(i)
      if let scale {
        values[i] = Float(integer(tensor, at) - zeroPoint) * scale
      } else {
        values[i] = number(tensor, at)
      }
    }
  }

  private func integer(_ tensor: Tensor, _ at: Int) -> Int {
    switch tensor.dtype {
    case .int8: Int(tensor.memory.load(Int8.self, at))
    case .uint8, .bool: Int(tensor.memory[at])
    case .int16: Int(tensor.memory.load(Int16.self, at))
    case .uint16: Int(tensor.memory.load(UInt16.self, at))
    case .int32: Int(tensor.memory.load(Int32.self, at))
    case .int64: Int(tensor.memory.load(Int64.self, at))
    case .float16, .float32, .float64: preconditionFailure("a float has no scale")
    }
  }

  private func number(_ tensor: Tensor, _ at: Int) -> Float {
    switch tensor.dtype {
    case .float32: tensor.memory.load(Float.self, at)
    case .float16: float(ofHalf: tensor.memory.load(UInt16.self, at))
    case .float64: Float(tensor.memory.load(Double.self, at))
    default: Float(integer(tensor, at))
    }
  }
}

/// Where a number of the source's layout (channels last) is in an artifact's own.
private struct Order {
  private let channels: Int
  private let pixels: Int

  init(_ io: TensorIO) {
    channels = io.layout == .nchw ? io.shape[1] : 1
    pixels = sampleCount(io) / channels
  }

  func raw(_ source: Int) -> Int {
    channels == 1 ? source : source % channels * pixels + source / channels
  }
}
