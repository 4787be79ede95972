import Foundation

@testable import EdgeCV

/// One case of tests/golden/decode, whose README describes the records.
struct DecodeVector: RecordReadable, Sendable, CustomStringConvertible {
  static let keys = ["name", "head", "outputs", "preprocess", "picture", "expected"]

  let name: String
  let head: HeadSpec
  let outputs: [String: GoldenTensor]
  let preprocess: Preprocess
  let picture: [Int]?
  let expected: GoldenAnswer

  init(_ record: Record) throws {
    name = try record.value("name")
    head = try record.value("head")
    outputs = try record.value("outputs")
    preprocess = try record.value("preprocess")
    picture = try record.value("picture")
    expected = try record.value("expected")
  }

  var description: String { name }

  /// The head, whose record is checked as a bundle's is.
  func open() throws -> any Head {
    let shapes = head.outputs.compactMap { outputs[$0]?.shape }
    let canvas = preprocess.size.map { Canvas(height: $0[0], width: $0[1]) }
    let form = HeadForm(head, shapes: shapes, dtypes: shapes.map { _ in "float32" }, canvas: canvas)
    try form.check()
    return Heads.open(form, head.outputs, head.activation)
  }

  /// The outputs of a model, in the order of the record.
  func values() throws -> [Memory<Float>] {
    try head.outputs.compactMap { outputs[$0] }.map { Memory(floats(of: Data(try GoldenVectors.decoded($0)))) }
  }

  /// Where the picture lies in the input; nil where there is none.
  func place() throws -> PicturePlace? {
    guard let picture, let size = preprocess.size else { return nil }
    let (height, width) = (picture[0], picture[1])
    let placement = try Placement(preprocess.fit, height: height, width: width, tall: size[0], wide: size[1])
    return PicturePlace(height: height, width: width, placement)
  }

  func wanted() throws -> Recorded {
    let (bytes, shape) = (try GoldenVectors.decoded(expected.scores), expected.scores.shape)
    if expected.scores.dtype == "uint8" { return Recorded(expected.decisions, shape, pixels: bytes) }
    return Recorded(expected.decisions, shape, floats(of: Data(bytes)))
  }
}

extension GoldenVectors {
  static let decoding: [DecodeVector] = cases("decode/index.json")

  static func decoded(_ tensor: GoldenTensor) throws -> [UInt8] { try read("decode/\(tensor.file)", tensor.sha256) }
}
