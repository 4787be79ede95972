import Foundation
import Testing

@testable import EdgeCV

/// Types, layouts and digests that the bundles here do not have.
struct NumbersTests {
  @Test func everyHalfGoesToFloat32AndBack() {
    let wrong = (UInt16.min...UInt16.max).filter { !float(ofHalf: $0).isNaN && halfBits(of: float(ofHalf: $0)) != $0 }
    #expect(wrong == [])
  }

  @Test func halvesAreRoundedToTheNearestTiesToEven() {
    let rounded: [(Float, UInt16)] = [
      (1.00048828125, 0x3c00),  // half way between 1 and the next
      (1.00146484375, 0x3c02), (65519.996, 0x7bff), (65520, 0x7c00),
      (2.9802322e-8, 0x0000),  // half of the smallest
      (2.9802326e-8, 0x0001), (-2, 0xc000),
    ]
    for (value, bits) in rounded { #expect(halfBits(of: value) == bits, "\(value)") }
    #expect(float(ofHalf: halfBits(of: .nan)).isNaN)
  }

  @Test func coreAIHasTheWeightsOfCoreMLButTheSparseOnes() {
    for name in ["weights8", "weights4", "weights4-block16", "palette8", "palette6-group32"] {
      #expect(Format.coreml.hasPrecision(name) && Format.coreai.hasPrecision(name) && !Format.onnx.hasPrecision(name), "\(name)")
    }
    for name in ["sparse-palette8", "sparse50-palette4"] {
      #expect(Format.coreml.hasPrecision(name) && !Format.coreai.hasPrecision(name), "\(name)")
    }
    for name in ["palette5", "palette8-group4", "weights8\n", ""] {
      #expect(!Format.coreml.hasPrecision(name) && !Format.coreai.hasPrecision(name), "\(name)")
    }
  }

  @Test("Runs of numbers that lie apart", arguments: [[12, 4, 1], [6, 3, 1], [1, 2, 6], [16, 4, 2]])
  func runs(_ strides: [Int]) {
    let shape = [2, 2, 3]
    var found: [Int: Int] = [:]
    eachRun(shape, strides, 4) { place, start, count in
      for byte in 0..<count { found[start + byte] = place + byte }
    }
    #expect(found.count == 48)
    for i in 0..<12 {
      let place = i / 6 * strides[0] + i / 3 % 2 * strides[1] + i % 3 * strides[2]
      for byte in 0..<4 { #expect(found[4 * i + byte] == 4 * place + byte) }
    }
  }

  @Test func channelsFirstGoInAndComeOut() throws {
    let io = TensorIO(
      name: "x", tensor: "x", shape: [1, 2, 1, 3], dtype: "int8", layout: .nchw,
      quantization: QuantParams(scale: 0.5, zeroPoint: -1))
    let tensor = Tensor(.int8, io.shape)
    let values: [Float] = [0, 10, 1, 11, 2, 12]  // pixel by pixel
    try RealInput(io).write(values, into: tensor)
    #expect(tensor.bytes.map { Int8(bitPattern: $0) } == [-1, 1, 3, 19, 21, 23])
    let made = Memory<Float>(repeating: 0, count: 6)
    RealOutput(io).read(tensor, into: made)
    #expect(made.array == values)
  }

  @Test func anInputThatNormalizesByItselfGetsPixels() throws {
    let normalize = Normalize(scale: [0.007843138], offset: [-1])
    let io = TensorIO(name: "x", tensor: "x", shape: [1, 1, 2, 3], dtype: "uint8", layout: .nhwc, normalize: normalize)
    let preprocessor = try Preprocessor(Preprocess(size: [1, 2], normalize: normalize), io)
    let tensor = preprocessor.tensor()
    try preprocessor.process(RgbFrame().set([0, 1, 2, 253, 254, 255], width: 2, height: 1), into: tensor)
    #expect(tensor.bytes == [0, 1, 2, 253, 254, 255])
    try RealInput(io).write([-1, 0.003921569, 1, 9, -9, 0], into: tensor)
    #expect(tensor.bytes == [0, 128, 255, 255, 0, 127])
  }

  @Test func outputsOfOtherTypesAreReadAsRealNumbers() {
    let types: [(DType, (Memory<UInt8>) -> Void, Float)] = [
      (.uint8, { $0.store(UInt8(255), 0) }, 255), (.int16, { $0.store(Int16(-300), 0) }, -300),
      (.uint16, { $0.store(UInt16.max, 0) }, 65535), (.int32, { $0.store(Int32(-70_000), 0) }, -70_000),
      (.int64, { $0.store(Int64(1) << 40, 0) }, 1.0995116e12), (.float64, { $0.store(0.1, 0) }, 0.1),
      (.float16, { $0.store(UInt16(0x3c00), 0) }, 1), (.bool, { $0.store(UInt8(1), 0) }, 1),
    ]
    for (dtype, fill, wanted) in types {
      let tensor = Tensor(dtype, [1, 1])
      fill(tensor.memory)
      let made = Memory<Float>(repeating: 0, count: 1)
      RealOutput(TensorIO(name: "x", tensor: "x", shape: [1, 1], dtype: dtype.title)).read(tensor, into: made)
      #expect(made[0] == wanted, "\(dtype)")
    }
  }

  /// The examples of FIPS 180-4 (CSRC, "SHA256.pdf"), and lengths around a block.
  @Test func digestsAreThoseThatArePublished() {
    let published = [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ]
    for (text, digest) in published { #expect(sha256(Data(text.utf8)) == digest) }
    let wanted = [
      55: "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
      56: "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
      63: "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
      64: "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
      65: "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0",
    ]
    for (count, digest) in wanted { #expect(sha256(Data(repeating: 0x61, count: count)) == digest) }
  }
}
