#if canImport(CoreAI)
  import CoreAI
  import EdgeCV
  import Foundation

  /// A value that one task hands to another, which waits until it has it: no two use it at once.
  final class Handed<Value: ~Copyable>: @unchecked Sendable {
    var value: Value

    init(_ value: consuming Value) { self.value = value }
  }

  /// Keep this thread until another has done asynchronous work.
  func wait<Value: ~Copyable>(_ work: @escaping @Sendable () async throws -> Handed<Value>) throws -> Handed<Value> {
    let done = DispatchSemaphore(value: 0)
    let result = Handed<Result<Handed<Value>, any Error>?>(nil)
    Task.detached(priority: .userInitiated) {
      do {
        result.value = .success(try await work())
      } catch {
        result.value = .failure(error)
      }
      done.signal()
    }
    done.wait()
    guard let result = result.value else { throw EngineError("Core AI gave no answer") }
    return try result.get()
  }

  /// See that the model has the array that a record describes, of the same shape and type.
  @available(iOS 27, macOS 27, *)
  func check(_ described: InferenceValue.Descriptor?, _ io: TensorIO, _ tensor: Tensor, _ file: ModelFile) throws {
    guard case .ndArray(let array) = described else {
      throw EngineError("\(file.name) has no array '\(io.tensor)'", "Make the bundle again with edgecv convert")
    }
    if try array.shape != tensor.shape || array.scalarType != scalarType(of: tensor) {
      throw EngineError("'\(io.tensor)' in \(file.name) is no \(tensor.dtype.title) \(tensor.shape), as its record says")
    }
  }

  @available(iOS 27, macOS 27, *)
  private func scalarType(of tensor: Tensor) throws -> NDArray.ScalarType {
    switch tensor.dtype {
    case .float32: return .float32
    case .int32: return .int32
    default: throw EngineError("a Core AI model of edgecv has no arrays of \(tensor.dtype.title)")
    }
  }

  /// A tensor's numbers as a new array.
  @available(iOS 27, macOS 27, *)
  func array(of tensor: Tensor) -> NDArray {
    tensor.withUnsafeBytes { bytes in
      if tensor.dtype == .int32 { return NDArray(scalars: bytes.bindMemory(to: Int32.self), shape: tensor.shape) }
      return NDArray(scalars: bytes.bindMemory(to: Float.self), shape: tensor.shape)
    }
  }

  /// Copy an array that Core AI made, whose rows may lie apart, in the tensor's own type.
  @available(iOS 27, macOS 27, *)
  func copy(_ array: NDArray, into tensor: Tensor) throws {
    if array.shape != tensor.shape {
      throw EngineError("Core AI gave an array of \(array.shape), the bundle says \(tensor.shape)")
    }
    if try array.scalarType != scalarType(of: tensor) || array.interleaveLayout != nil {
      throw EngineError("Core AI gave another form of numbers than \(tensor.dtype.title)")
    }
    let strides = array.strides
    array.rawView().withUnsafeBytes { from, _, _ in
      tensor.withUnsafeMutableBytes { into in
        eachRun(tensor.shape, strides, tensor.dtype.size) { place, start, count in
          into.baseAddress?.advanced(by: start).copyMemory(from: from.advanced(by: place), byteCount: count)
        }
      }
    }
  }
#endif
