import Foundation

@testable import EdgeCV

/// tests/golden/README.md describes these records.
struct GoldenPixels: RecordReadable, Sendable {
  static let keys = ["file", "formula", "height", "width", "channels", "sha256"]

  let file: String?
  let formula: String?
  let height: Int
  let width: Int
  let channels: Int
  let digest: String

  init(_ record: Record) throws {
    file = try record.value("file")
    formula = try record.value("formula")
    height = try record.value("height")
    width = try record.value("width")
    channels = try record.value("channels")
    digest = try record.value("sha256")
  }

  func bytes() throws -> [UInt8] {
    if let file { return try GoldenVectors.read(file, digest) }
    guard formula == "mesh" else { throw BundleError("unknown formula") }
    let bytes = mesh(height: height, width: width, channels: channels)
    guard sha256(Data(bytes)) == digest else { throw BundleError("the mesh is another") }
    return bytes
  }
}

/// Bytes that the README's formula gives.
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

/// One case of `index.json`.
struct Vector: RecordReadable, Sendable, CustomStringConvertible {
  static let keys = ["name", "spec", "io", "pixels", "orientation", "picture", "tensor", "expected"]

  let name: String
  let spec: Preprocess
  let io: TensorIO
  let pixels: GoldenPixels?
  let orientation: Int
  let tensor: GoldenTensor?
  let expected: GoldenTensor

  init(_ record: Record) throws {
    name = try record.value("name")
    spec = try record.value("spec")
    io = try record.value("io")
    pixels = try record.value("pixels")
    orientation = try record.value("orientation")
    _ = try record.value("picture") as JSON
    tensor = try record.value("tensor")
    expected = try record.value("expected")
  }

  var description: String { name }

  /// The tensor that this library makes of it.
  func made() throws -> Tensor {
    let preprocessor = try Preprocessor(spec, io)
    let tensor = preprocessor.tensor()
    if let numbers = self.tensor {
      try preprocessor.process(floats(of: Data(GoldenVectors.expected(numbers))), into: tensor)
    } else if let pixels {
      let frame = try RgbFrame().set(
        pixels.bytes(), width: pixels.width, height: pixels.height, channels: pixels.channels, orientation: orientation)
      try preprocessor.process(frame, into: tensor)
    }
    return tensor
  }
}

/// One plane of a case of `yuv.json`.
struct VectorPlane: RecordReadable, Sendable {
  static let keys = ["file", "sha256", "offset", "row_stride", "pixel_stride"]

  let file: String
  let digest: String
  let offset: Int
  let rowStride: Int
  let pixelStride: Int

  init(_ record: Record) throws {
    file = try record.value("file")
    digest = try record.value("sha256")
    offset = try record.value("offset")
    rowStride = try record.value("row_stride")
    pixelStride = try record.value("pixel_stride")
  }

  func bytes() throws -> [UInt8] { Array(try GoldenVectors.read(file, digest).dropFirst(offset)) }
}

/// How the numbers of a camera's frame become RGB, by the names of `yuv.json` and `yuv_apple.json`.
enum Colors: String, CaseIterable, FieldReadable, Sendable {
  case bt601Full = "bt601_full"
  case bt601Video = "bt601_video"
  case bt709Full = "bt709_full"
  case bt709Video = "bt709_video"

  var colors: YuvColors {
    switch self {
    case .bt601Full: .bt601Full
    case .bt601Video: .bt601Video
    case .bt709Full: .bt709Full
    case .bt709Video: .bt709Video
    }
  }
}

/// One case of `yuv.json` or `yuv_apple.json`, which says the colours, too.
struct YuvVector: RecordReadable, Sendable, CustomStringConvertible {
  static let keys = ["name", "spec", "io", "width", "height", "rotation", "colors", "y", "u", "v", "expected"]

  let name: String
  let spec: Preprocess
  let io: TensorIO
  let width: Int
  let height: Int
  let rotation: Int
  let colors: Colors
  let y: VectorPlane
  let u: VectorPlane
  let v: VectorPlane
  let expected: GoldenTensor

  init(_ record: Record) throws {
    name = try record.value("name")
    spec = try record.value("spec")
    io = try record.value("io")
    width = try record.value("width")
    height = try record.value("height")
    rotation = try record.value("rotation")
    colors = try record.value("colors", or: .bt601Full)
    y = try record.value("y")
    u = try record.value("u")
    v = try record.value("v")
    expected = try record.value("expected")
  }

  var description: String { name }

  /// The tensor that this library makes of it.
  func made() throws -> Tensor {
    let preprocessor = try Preprocessor(spec, io)
    let tensor = preprocessor.tensor()
    try preprocessor.process(frame(), into: tensor)
    return tensor
  }

  func frame() throws -> YuvFrame {
    let frame = YuvFrame()
    try withPlanes(y.bytes(), u.bytes(), v.bytes()) { one, two, three in
      try frame.set(
        y: Plane(one, rowStride: y.rowStride, pixelStride: y.pixelStride),
        u: Plane(two, rowStride: u.rowStride, pixelStride: u.pixelStride),
        v: Plane(three, rowStride: v.rowStride, pixelStride: v.pixelStride),
        width: width, height: height, rotation: rotation, colors: colors.colors)
    }
    return frame
  }
}

/// A list of cases.
struct VectorIndex<Case: FieldReadable & Sendable>: RecordReadable, Sendable {
  static var keys: [String] { ["format_version", "cases"] }

  let cases: [Case]

  init(_ record: Record) throws {
    let version: Int = try record.value("format_version")
    guard version == 1 else { throw BundleError("unknown format version \(version)") }
    cases = try record.value("cases")
  }
}

enum GoldenVectors {
  private static let folder = repository.appendingPathComponent("tests/golden")

  static let all: [Vector] = cases("index.json")
  static let yuv: [YuvVector] = cases("yuv.json")
  static let apple: [YuvVector] = cases("yuv_apple.json")
  static let pictures = all.filter { $0.pixels?.file != nil }
  static let frames = yuv + apple

  /// Without them nothing is tested: `all vectors are there` then fails.
  static func cases<Case: FieldReadable & Sendable>(_ name: String) -> [Case] {
    do {
      let data = try Data(contentsOf: folder.appendingPathComponent(name))
      return try VectorIndex<Case>(json: text(of: data, name: name), name: name).cases
    } catch {
      fatalError("\(name): \(error.localizedDescription)")
    }
  }

  static func read(_ file: String, _ digest: String) throws -> [UInt8] {
    let data = try Data(contentsOf: folder.appendingPathComponent(file))
    guard sha256(data) == digest else { throw BundleError("\(file) is damaged") }
    return [UInt8](data)
  }

  static func expected(_ tensor: GoldenTensor) throws -> [UInt8] { try read(tensor.file, tensor.sha256) }
}
