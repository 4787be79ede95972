import AllocationCounter
import EdgeCV
import Foundation

// The Swift side of `python -m benchmarks.swift_preprocess`: takes turns on standard input. A line is `CASE SECONDS`; the answer
// is a line of JSON: microseconds of each frame, bytes allocated in all of them, and the tensor's bytes in hexadecimal.

struct Turn: Encodable {
  let us: [Double]
  let bytes: Int64
  let tensor: String
}

let width = 1920
let height = 1080
let mostFrames = 100_000

/// Bytes that the formula "mesh" of tests/golden/README.md gives.
func mesh(height: Int, width: Int, channels: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(height * width * channels)
  for y in 0..<height {
    for x in 0..<width {
      for c in 0..<channels {
        let base = ((3 * x + 5 * y) >> 7) + (((7 * x) ^ (11 * y)) & 31) + 85 * c
        bytes.append(UInt8(truncatingIfNeeded: base ^ ((x * y) >> 16)))
      }
    }
  }
  return bytes
}

func preprocessor(_ fit: Fit, _ semantics: Semantics) throws -> Preprocessor {
  let normalize = Normalize(preset: "tf", scale: [0.007843138], offset: [-1])
  let spec = Preprocess(size: [224, 224], fit: fit, resize: Resize(.bilinear, semantics), normalize: normalize)
  let quantization = QuantParams(scale: 1 / 128, zeroPoint: 0)
  let io = TensorIO(
    name: "image", tensor: "image", shape: [1, 224, 224, 3], dtype: "int8", layout: .nhwc, quantization: quantization)
  return try Preprocessor(spec, io)
}

/// The frame in its forms, and what is to be done with it.
final class Bench {
  private let light = mesh(height: height, width: width, channels: 1)
  private let color = mesh(height: height / 2, width: width / 2, channels: 2)
  private let yuv = YuvFrame()
  private let rgb: RgbFrame
  private let preprocessors: [Preprocessor]
  private var micros = [Double](repeating: 0, count: mostFrames)

  init() throws {
    rgb = try RgbFrame().set(mesh(height: height, width: width, channels: 3), width: width, height: height)
    let (pillow, tf) = (try preprocessor(Fit(), .pillow), try preprocessor(Fit(), .tf))
    preprocessors = [pillow, try preprocessor(Fit(.crop, fraction: 1), .pillow), tf, pillow, tf]
  }

  /// Measure one of the cases for so long.
  func turn(_ number: Int, _ seconds: Double) throws -> Turn {
    let preprocessor = preprocessors[number]
    let tensor = preprocessor.tensor()
    try preprocessor.process(frame(number), into: tensor)
    let end = DispatchTime.now().uptimeNanoseconds + UInt64(seconds * 1e9)
    let before = allocated_bytes()
    var count = 0
    while count == 0 || (DispatchTime.now().uptimeNanoseconds < end && count < mostFrames) {
      let began = DispatchTime.now().uptimeNanoseconds
      try preprocessor.process(frame(number), into: tensor)
      micros[count] = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e3
      count += 1
    }
    let bytes = allocated_bytes() - before
    let digits = tensor.bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }
    return Turn(us: Array(micros.prefix(count)), bytes: bytes, tensor: digits.joined())
  }

  /// A camera's planes are taken in anew for every frame: that is part of the time.
  private func frame(_ number: Int) throws -> Frame {
    if number > 2 { return rgb }
    return try light.withUnsafeBytes { y in
      try color.withUnsafeBytes { vu in
        let u = UnsafeRawBufferPointer(rebasing: vu[1...])
        return try yuv.set(
          y: Plane(y, rowStride: width), u: Plane(u, rowStride: width, pixelStride: 2),
          v: Plane(vu, rowStride: width, pixelStride: 2), width: width, height: height, rotation: number == 1 ? 90 : 0)
      }
    }
  }
}

let bench = try Bench()
while let line = readLine() {
  let words = line.split(separator: " ")
  guard words.count == 2, let number = Int(words[0]), let seconds = Double(words[1]) else { break }
  FileHandle.standardOutput.write(try JSONEncoder().encode(bench.turn(number, seconds)) + Data("\n".utf8))
}
