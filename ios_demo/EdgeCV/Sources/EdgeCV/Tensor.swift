import Foundation

/// A type of number, by NumPy's name.
public enum DType: String, CaseIterable, Sendable {
  case bool
  case int8
  case uint8
  case int16
  case uint16
  case int32
  case int64
  case float16
  case float32
  case float64

  /// The bytes of one number.
  public var size: Int {
    switch self {
    case .bool, .int8, .uint8: 1
    case .int16, .uint16, .float16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// The name as in `bundle.json`.
  public var title: String { rawValue }

  /// True for the types that may have a scale and a zero point.
  var isQuantized: Bool { self == .int8 || self == .uint8 || self == .int16 }

  /// The numbers that a quantized type holds.
  var range: ClosedRange<Int> {
    switch self {
    case .uint8: 0...255
    case .int8: -128...127
    default: -32768...32767
    }
  }
}

/// Memory for one input or output of an engine: the machine's byte order, C order, batch included.
///
/// The engine reads and writes it in place, so that nothing is allocated for a frame.
public final class Tensor {
  public let dtype: DType
  public let shape: [Int]

  /// The number of its elements.
  public let count: Int

  let memory: Memory<UInt8>

  /// A tensor of zeros.
  public init(_ dtype: DType, _ shape: [Int]) {
    self.dtype = dtype
    self.shape = shape
    count = shape.reduce(1, *)
    memory = Memory(repeating: 0, count: count * dtype.size)
  }

  /// The bytes of all numbers, little-endian, as golden files have them (as are all of Apple's machines).
  public var bytes: [UInt8] { memory.array }
}

/// Tensors as an artifact's record describes them.
public func tensors(of ios: [TensorIO]) throws -> [Tensor] {
  try ios.map { io in
    guard let dtype = DType(rawValue: io.dtype) else { throw EngineError("'\(io.name)' has the dtype \(io.dtype)") }
    return Tensor(dtype, io.shape)
  }
}

extension Tensor {
  /// Fill the tensor with the numbers of a dictionary by label, in the order of the labels, in the tensor's own type.
  ///
  /// - Throws: `EngineError` if the labels are not as many as its elements, or one has no number, or it is not of floats.
  public func fill(_ numbers: [AnyHashable: NSNumber], byLabel labels: [String]) throws {
    if labels.count != count { throw EngineError("the model is a classifier of \(labels.count) labels, not \(count)") }
    for (place, label) in labels.enumerated() {
      guard let number = numbers[label] else { throw EngineError("the model gave no number for the label '\(label)'") }
      switch dtype {
      case .float64: memory.store(number.doubleValue, place)
      case .float32: memory.store(number.floatValue, place)
      default: throw EngineError("numbers by label are floats, the bundle says \(dtype.title)")
      }
    }
  }
}
