#if canImport(CoreML)
  @preconcurrency import CoreML
  import CoreVideo
  import EdgeCV
  import Foundation

  /// One input of a model, which takes a tensor's numbers.
  protocol Feed {
    var name: String { get }
    var value: MLFeatureValue { get }

    /// Copy the tensor's numbers.
    func fill() throws
  }

  /// A tensor as an array of numbers.
  struct ArrayFeed: Feed {
    let name: String
    let value: MLFeatureValue
    private let array: MLMultiArray
    private let tensor: Tensor

    init(_ io: TensorIO, _ tensor: Tensor) throws {
      let shape = io.shape.map { NSNumber(value: $0) }
      name = io.tensor
      array = try MLMultiArray(shape: shape, dataType: dataType(of: tensor))
      value = MLFeatureValue(multiArray: array)
      self.tensor = tensor
    }

    func fill() throws {
      tensor.withUnsafeBytes { from in
        array.withUnsafeMutableBytes { into, strides in
          eachRun(tensor.shape, strides, tensor.dtype.size) { place, start, count in
            into.baseAddress?.advanced(by: place).copyMemory(from: from.baseAddress! + start, byteCount: count)
          }
        }
      }
    }
  }

  /// Pixels as a picture: bytes in the order of the preprocessing's colour, which Core ML turns into what the model declares.
  struct PictureFeed: Feed {
    let name: String
    let value: MLFeatureValue
    private let buffer: CVPixelBuffer
    private let tensor: Tensor
    private let color: ColorOrder

    init(_ io: TensorIO, _ tensor: Tensor, _ color: ColorOrder) throws {
      var made: CVPixelBuffer?
      let format = color == .gray ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA
      CVPixelBufferCreate(nil, io.shape[2], io.shape[1], format, nil, &made)
      guard let made else { throw EngineError("there is no memory for the picture '\(io.name)'") }
      name = io.tensor
      buffer = made
      value = MLFeatureValue(pixelBuffer: made)
      self.tensor = tensor
      self.color = color
    }

    func fill() throws {
      CVPixelBufferLockBaseAddress(buffer, [])
      defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
      guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw EngineError("a picture cannot be written") }
      let (height, width) = (tensor.shape[1], tensor.shape[2])
      let stride = CVPixelBufferGetBytesPerRow(buffer)
      tensor.withUnsafeBytes { pixels in
        for y in 0..<height {
          let row = base.advanced(by: y * stride).assumingMemoryBound(to: UInt8.self)
          for x in 0..<width { write(pixels, y * width + x, to: row, at: x) }
        }
      }
    }

    private func write(_ pixels: UnsafeRawBufferPointer, _ pixel: Int, to row: UnsafeMutablePointer<UInt8>, at x: Int) {
      if color == .gray {
        row[x] = pixels[pixel]
        return
      }
      let blue = color == .bgr ? 0 : 2
      row[4 * x] = pixels[3 * pixel + blue]
      row[4 * x + 1] = pixels[3 * pixel + 1]
      row[4 * x + 2] = pixels[3 * pixel + 2 - blue]
      row[4 * x + 3] = 255
    }
  }

  private func dataType(of tensor: Tensor) throws -> MLMultiArrayDataType {
    switch tensor.dtype {
    case .float32: return .float32
    case .float64: return .double
    case .int32: return .int32
    case .float16: return .float16
    default: throw EngineError("Core ML takes no arrays of \(tensor.dtype.title)")
    }
  }

  /// Copy an array that Core ML made, whose rows may lie apart, in the tensor's own type.
  func copy(_ array: MLMultiArray, into tensor: Tensor) throws {
    if array.shape.map(\.intValue) != tensor.shape {
      throw EngineError("Core ML gave an array of \(array.shape), the bundle says \(tensor.shape)")
    }
    if try array.dataType != dataType(of: tensor) {
      throw EngineError("Core ML gave another type of numbers than \(tensor.dtype.title)")
    }
    let strides = array.strides.map(\.intValue)
    array.withUnsafeBytes { from in
      tensor.withUnsafeMutableBytes { into in
        eachRun(tensor.shape, strides, tensor.dtype.size) { place, start, count in
          into.baseAddress?.advanced(by: start).copyMemory(from: from.baseAddress! + place, byteCount: count)
        }
      }
    }
  }
#endif
