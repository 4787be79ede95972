import Foundation
import Testing

@testable import EdgeCV
@testable import TestSupport

/// Every golden vector, in every bit.
struct GoldenVectorTests {
  @Test func allVectorsAreThere() {
    #expect(GoldenVectors.all.count >= 210)
    #expect(Set(GoldenVectors.all.map(\.name)).count == GoldenVectors.all.count)
    #expect(GoldenVectors.yuv.count >= 40)
    #expect(Set(GoldenVectors.yuv.map(\.rotation)) == [0, 90, 180, 270])
    #expect(Set(GoldenVectors.apple.map(\.colors)) == Set(Colors.allCases))
  }

  @Test(arguments: GoldenVectors.all) func everyVectorGivesItsBits(_ vector: Vector) throws {
    let tensor = try vector.made()
    #expect(tensor.shape == vector.expected.shape && tensor.dtype.title == vector.expected.dtype)
    let isEqual = try tensor.bytes == GoldenVectors.expected(vector.expected)
    #expect(isEqual, "\(vector.name)")
  }

  @Test(arguments: GoldenVectors.pictures, [RgbaFrame.Order.rgba, .bgra])
  func everyPictureGivesItsBitsWithFourBytesAPixel(_ vector: Vector, _ order: RgbaFrame.Order) throws {
    guard let pixels = vector.pixels else { return }
    let preprocessor = try Preprocessor(vector.spec, vector.io)
    let tensor = preprocessor.tensor()
    let stride = 4 * pixels.width + 12  // rows of pixel buffers are often longer than their pixels
    var bytes = [UInt8](repeating: 0x7f, count: stride * pixels.height)
    let given = try pixels.bytes()
    for y in 0..<pixels.height {
      for x in 0..<pixels.width {
        for c in 0..<3 {
          let at = (y * pixels.width + x) * pixels.channels + min(c, pixels.channels - 1)
          bytes[y * stride + 4 * x + (order == .rgba ? c : 2 - c)] = given[at]
        }
      }
    }
    let frame = try RgbaFrame().set(
      bytes, width: pixels.width, height: pixels.height, order: order, rowStride: stride,
      orientation: vector.orientation)
    try preprocessor.process(frame, into: tensor)
    let isEqual = try tensor.bytes == GoldenVectors.expected(vector.expected)
    #expect(isEqual, "\(vector.name)")
  }

  @Test(arguments: GoldenVectors.frames) func everyFrameGivesItsBits(_ vector: YuvVector) throws {
    let isEqual = try vector.made().bytes == GoldenVectors.expected(vector.expected)
    #expect(isEqual, "\(vector.name)")
  }

  @Test func aCamerasRotationCountsWhereExifIsIgnored() throws {
    let vector = try #require(GoldenVectors.yuv.first { $0.rotation == 90 && $0.spec.size == [30, 22] })
    let spec = Preprocess(size: vector.spec.size, orientation: .ignore)
    let preprocessor = try Preprocessor(spec, vector.io)
    let tensor = preprocessor.tensor()
    try preprocessor.process(vector.frame(), into: tensor)
    #expect(try tensor.bytes == GoldenVectors.expected(vector.expected))
  }

  @Test func formsInTurnAreToldApart() throws {
    let vectors = GoldenVectors.yuv.filter { $0.spec == GoldenVectors.yuv[0].spec }
    let preprocessor = try Preprocessor(vectors[0].spec, vectors[0].io)
    let tensor = preprocessor.tensor()
    for vector in vectors + vectors.reversed() {
      try preprocessor.process(vector.frame(), into: tensor)
      #expect(try tensor.bytes == GoldenVectors.expected(vector.expected), "\(vector.name)")
    }
  }

  @Test func framesThatCannotBeAreRefused() throws {
    let bytes = [UInt8](repeating: 0, count: 16)
    let frame = YuvFrame()
    func words(_ width: Int, _ height: Int, _ stride: Int, rotation: Int = 0) -> String? {
      message {
        try withPlanes(bytes, bytes, bytes) { y, u, v in
          try frame.set(
            y: Plane(y, rowStride: stride), u: Plane(u, rowStride: 2), v: Plane(v, rowStride: 2), width: width,
            height: height, rotation: rotation)
        }
      }
    }
    #expect(words(4, 5, 4) == "the plane y has 16 bytes, its strides need 20")
    #expect(words(4, 4, 4, rotation: 45) == "a rotation must be 0, 90, 180 or 270 degrees, got 45")
    #expect(words(4, 4, 0) == "strides must be at least 1, got 0 and 1")
    #expect(words(4, 4, Int.max)?.hasPrefix("the plane y has 16 bytes") == true)
    #expect(throws: InputError.self) { try RgbFrame().set(bytes, width: 3, height: 2) }
    #expect(throws: InputError.self) { try RgbaFrame().set(bytes, width: 2, height: 2, rowStride: 7) }
    #expect(throws: InputError.self) { try RgbaFrame().set(bytes, width: 2, height: 3) }
  }
}
