import Foundation
import TestSupport
import Testing

@testable import EdgeCV

/// What of Core ML's engine needs no Core ML: compiled models are kept, and a classifier's numbers by label become a tensor.
struct CompiledModelTests {
  private let scratch: Scratch
  private let model = ModelFile(
    name: "coreml/model.int8.mlpackage", data: nil, url: URL(fileURLWithPath: "/bundle/model.int8.mlpackage"), sha256: "ab12",
    colors: [:])

  init() throws { scratch = try Scratch() }

  @Test func aModelIsCompiledOnce() throws {
    var compiled: [URL] = []
    for _ in 0..<2 {
      let place = try CompiledModel.place(of: model, caches: scratch.folder) { package in
        compiled.append(package)
        return try made("compiled")
      }
      #expect(place.path == scratch.folder.path + "/edgecv/ab12.mlmodelc")
      #expect(try String(contentsOf: place, encoding: .utf8) == "compiled")
    }
    #expect(compiled == [model.url])
  }

  @Test func theOneThatWasThereFirstIsTaken() throws {
    let place = try CompiledModel.place(of: model, caches: scratch.folder) { _ in
      _ = try CompiledModel.place(of: model, caches: scratch.folder) { _ in try made("first") }
      return try made("second")
    }
    #expect(try String(contentsOf: place, encoding: .utf8) == "first")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path) == ["edgecv"])
  }

  @Test func whatTheSystemRefusesIsSaidWithWhatToDo() throws {
    let system = CocoaError(.fileReadCorruptFile)
    #expect(
      try #require(message { _ = try place(scratch.folder) { _ in throw system } })
        .hasPrefix("coreml/model.int8.mlpackage cannot be compiled here: "))
    #expect(hint { _ = try place(scratch.folder) { _ in throw system } }?.contains("make the bundle again") == true)
    let file = scratch.folder.appendingPathComponent("file")
    try Data().write(to: file)
    #expect(
      try #require(message { _ = try place(file) { $0 } })
        .hasPrefix("the compiled form of coreml/model.int8.mlpackage cannot be kept: "))
    #expect(hint { _ = try place(file) { $0 } } == "Free some space on this device")
    #expect(message { _ = try place(scratch.folder) { _ in file.appendingPathComponent("gone") } } != nil)
    let packed = ModelFile(name: "x.mlpackage", data: nil, url: nil, sha256: "", colors: [:])
    #expect(
      message { _ = try CompiledModel.place(of: packed) { $0 } } == "x.mlpackage is in a .zip, where it cannot be compiled")
  }

  @Test func numbersByLabelAreWrittenInTheTensorsOwnType() throws {
    let numbers: [AnyHashable: NSNumber] = ["cat": 0.1, "dog": 0.7, "fish": 0.2]
    let doubles = Tensor(.float64, [1, 3])
    try doubles.fill(numbers, byLabel: ["dog", "fish", "cat"])
    #expect(doubles.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) } == [0.7, 0.2, 0.1])
    let read = Memory<Float>(repeating: 0, count: 3)
    RealOutput(TensorIO(name: "a", tensor: "a", shape: [1, 3], dtype: "float64")).read(doubles, into: read)
    #expect(read.array == [0.7, 0.2, 0.1])
    let floats = Tensor(.float32, [1, 3])
    try floats.fill(numbers, byLabel: ["dog", "fish", "cat"])
    #expect(floats.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } == [0.7, 0.2, 0.1])
    #expect(
      message { try doubles.fill(numbers, byLabel: ["dog", "cat"]) } == "the model is a classifier of 2 labels, not 3")
    #expect(
      message { try doubles.fill(numbers, byLabel: ["dog", "cat", "cow"]) } == "the model gave no number for the label 'cow'")
    #expect(
      message { try Tensor(.int8, [1, 3]).fill(numbers, byLabel: ["dog", "cat", "fish"]) }
        == "numbers by label are floats, the bundle says int8")
  }

  private func place(_ caches: URL, _ compile: (URL) throws -> URL) throws -> URL {
    try CompiledModel.place(of: model, caches: caches, compile: compile)
  }

  private func made(_ text: String) throws -> URL {
    let file = scratch.folder.appendingPathComponent("\(text).tmp")
    try Data(text.utf8).write(to: file)
    return file
  }
}
