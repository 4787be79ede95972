import AllocationCounter
import TestSupport
import Testing

@testable import EdgeCV

#if os(Linux)
  /// A frame costs no allocation once frames of its form were seen.
  struct AllocationTests {
    private static let int8 = TensorIO(
      name: "image", tensor: "image", shape: [1, 32, 24, 3], dtype: "int8", layout: .nhwc,
      quantization: QuantParams(scale: 0.0078125, zeroPoint: 0))

    @Test(arguments: Semantics.allCases, [Fit(), Fit(.letterbox, pad: [114])])
    func preprocessingACamerasFramesAllocatesNothing(_ semantics: Semantics, _ fit: Fit) throws {
      for kernel in Kernel.allCases {
        let preprocessor = try Preprocessor(spec(kernel, semantics, fit), AllocationTests.int8)
        let tensor = preprocessor.tensor()
        let (y, uv) = ([UInt8](repeating: 90, count: 96 * 64), [UInt8](repeating: 99, count: 96 * 32))
        let frame = YuvFrame()
        let bytes = try allocated {
          try withPlanes(y, uv, uv) { y, u, v in
            try frame.set(
              y: Plane(y, rowStride: 96), u: Plane(u, rowStride: 96, pixelStride: 2),
              v: Plane(v, rowStride: 96, pixelStride: 2), width: 96, height: 64, rotation: 90)
          }
          try preprocessor.process(frame, into: tensor)
        }
        #expect(bytes == 0, "\(kernel)")
      }
    }

    @Test func twoFormsInTurnAllocateNothing() throws {
      let preprocessor = try Preprocessor(spec(.bilinear, .pillow, Fit()), AllocationTests.int8)
      let tensor = preprocessor.tensor()
      let small = try RgbFrame().set([UInt8](repeating: 7, count: 3600), width: 40, height: 30)
      let large = try RgbaFrame().set([UInt8](repeating: 9, count: 28800), width: 80, height: 90, orientation: 6)
      let bytes = try allocated {
        try preprocessor.process(small, into: tensor)
        try preprocessor.process(large, into: tensor)
      }
      #expect(bytes == 0)
    }

    @Test func readingAnAnswerAllocatesNothing() throws {
      for name in ["digits_int8", "people", "multilabel"] {
        let bundle = try Bundles.open(name)
        let artifact = try bundle.artifact(.tflite)
        let reader = OutputReader(bundle.manifest, artifact)
        let outputs = try tensors(of: artifact.outputs)
        var best = [0, 0, 0]
        let bytes = try allocated {
          try reader.read(outputs, nil)
          reader.prediction.best(into: &best)
        }
        #expect(bytes == 0, "\(name)")
      }
    }

    @Test func readingBoxesMasksPointsAndPicturesAllocatesNothing() throws {
      let bundle = try Bundles.open("places")
      let artifact = try bundle.artifact(.tflite)
      let reader = OutputReader(bundle.manifest, artifact)
      let outputs = try tensors(of: artifact.outputs)
      for output in outputs {
        for i in 0..<output.count { output.memory.store(Float(i * 37 % 101) / 100, i) }
      }
      let preprocess = try #require(bundle.manifest.preprocess["image"])
      let placement = try Placement(preprocess.fit, height: 90, width: 120, tall: 12, wide: 16)
      let picture = PicturePlace(height: 90, width: 120, placement)
      let bytes = try allocated { try reader.read(outputs, picture) }
      #expect(bytes == 0)
      let answers = reader.prediction.answers
      #expect(answers[0].count > 0 && answers[0].index != nil)
      #expect((answers[1] as? LiveMask)?.mask.count == 90 * 120)
    }

    private func spec(_ kernel: Kernel, _ semantics: Semantics, _ fit: Fit) -> Preprocess {
      Preprocess(
        size: [32, 24], fit: fit, resize: Resize(kernel, semantics), normalize: Normalize(scale: [0.0078125], offset: [-1]))
    }

    /// Bytes that this thread allocated in some calls, after as many that warm up.
    private func allocated(_ call: () throws -> Void) rethrows -> Int64 {
      for _ in 0..<20 { try call() }
      let before = allocated_bytes()
      for _ in 0..<20 { try call() }
      return allocated_bytes() - before
    }
  }
#endif
