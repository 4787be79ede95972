import EdgeCV
import EdgeCVLiteRT
import Foundation
import TestSupport
import Testing

@testable import EdgeCVDemo

private let litert = LiteRtEngine.Factory(library: ProcessInfo.processInfo.environment["LITERT_LIBRARY"])

/// The app's screens on real bundles, with a camera that is none: a frame of noise, a refusal, or nothing.
@MainActor struct DemoTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func aFirstStartRunsTheGoldenCasesAndThenAnswersFrames() async throws {
    let demo = try demo("people")
    let model = LiveModel(demo, FakeCamera(.granted))
    #expect(model.state == .loading(Words.checking))
    try await start(model)
    #expect(model.state == .live)
    #expect(model.verdict.hasPrefix("This device agrees with the trained model on "))
    #expect(model.facts.first?.hasPrefix("tflite/model.int8.tflite on litert ") == true)
    #expect(model.answers.lines.count == 4 && model.answers.lines[0] == "age" && model.answers.lines[2] == "gender")
    #expect(model.answers.times.hasPrefix("preprocess "))
  }

  @Test func aVerdictOfBeforeIsShownAgain() async throws {
    let demo = try demo("digits")
    let (first, second) = (LiveModel(demo, FakeCamera(.granted)), LiveModel(demo, FakeCamera(.granted)))
    try await start(first)
    try await start(second)
    #expect(!first.verdict.isEmpty && first.verdict == second.verdict)
    #expect(Remembered(folder("digits")).runs == 1)
  }

  @Test func whatIsInTheWayIsSaid() async throws {
    let digits = try demo("digits")
    for (access, state) in [(Access.refused, LiveState.noPermission), (.missing, .noCamera)] {
      let model = LiveModel(digits, FakeCamera(access))
      await model.start()
      #expect(model.state == state)
    }
    let tensors = LiveModel(try demo("two_by_two"), FakeCamera(.granted))
    await tensors.start()
    #expect(tensors.state == .takesTensors)
    let empty = LiveModel(try demo(nil), FakeCamera(.granted))
    await empty.start()
    #expect(empty.state == .failed(Problem(Words.noBundle, Words.noBundleHint)))
  }

  @Test func aBundleWithoutARuntimeAndADamagedOneAreSaid() async throws {
    let none = LiveModel(try demo("people", engines: []), FakeCamera(.granted))
    await none.start()
    guard case .failed(let problem) = none.state else { Issue.record("\(none.state)"); return }
    #expect(problem.text.contains("has nothing that passed its proof") && problem.text.hasSuffix("."))
    let demo = try demo("digits")
    let file = folder("digits").appendingPathComponent("digits.edgecv/bundle.json")
    try Data("{}".utf8).write(to: file)
    let damaged = LiveModel(demo, FakeCamera(.granted))
    await damaged.start()
    guard case .failed(let reason) = damaged.state else { Issue.record("\(damaged.state)"); return }
    #expect(reason.message.contains("has no schema_version"))
  }

  @Test func aPhotoIsAnswered() async throws {
    let demo = try demo("digits")
    let bundle = try Bundles.open("digits")
    let model = PhotoModel(demo)
    await model.answer(try #require(try bundle.goldenPicture(bundle.golden().cases[0])))
    guard case .answered(let answers) = model.state else { Issue.record("\(model.state)"); return }
    #expect(answers.lines.count == 3 && answers.lines[0].hasSuffix(" %"))
    await model.answer(Data("no photo".utf8))
    #expect(model.state == .failed(Problem("this is no PNG")))
  }

  @Test func aBenchmarkIsMeasuredAndItsFileIsWhatIsShared() async throws {
    var options = BenchOptions()
    (options.rounds, options.seconds, options.warmUpSeconds, options.threads) = (2, 0.02, 0.02, [1])
    let model = BenchModel(try demo("digits"), options, Device.facts())
    model.start()
    await model.finish()
    guard case .done(let lines, let file) = model.state else { Issue.record("\(model.state)"); return }
    #expect(lines.count >= 2 && lines[0].hasPrefix("tflite float32 on litert, 1 thread: model "))
    #expect(try String(contentsOf: file, encoding: .utf8).contains("\"identity\" : "))
    model.start()
    model.stop()
    await model.finish()
    #expect(model.state == .waiting)
  }

  /// Start a screen and wait, a minute at most, until it shows something; then leave it, as its view does.
  private func start(_ model: LiveModel) async throws {
    let task = Task { await model.start() }
    for _ in 0..<6000 {
      guard case .loading = model.state else { break }
      try await Task.sleep(nanoseconds: 10_000_000)
    }
    task.cancel()
    await task.value
  }

  /// An app with one bundle, or none, in a folder of its own.
  private func demo(_ name: String?, engines: [any EngineFactory] = [litert]) throws -> Demo {
    let folder = folder(name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if let name {
      try FileManager.default.copyItem(at: Bundles.place(name), to: folder.appendingPathComponent("\(name).edgecv"))
    }
    return Demo(bundles: folder, engines: engines, decoder: PNGDecoder(), verdicts: Remembered(folder))
  }

  private func folder(_ name: String?) -> URL { scratch.folder.appendingPathComponent(name ?? "empty") }
}

/// A camera of one frame.
private struct FakeCamera: LiveCamera {
  private let answer: Access

  init(_ answer: Access) { self.answer = answer }

  func access() async -> Access { answer }

  func start(_ handle: sending @escaping (YuvFrame) -> Void) async throws {
    let bytes = [UInt8](repeating: 90, count: 48 * 32)
    let frame = YuvFrame()
    try bytes.withUnsafeBytes { plane in
      let half = Plane(plane, rowStride: 24)
      _ = try frame.set(y: Plane(plane, rowStride: 48), u: half, v: half, width: 48, height: 32, rotation: 90)
    }
    handle(frame)
  }

  func stop() async {}
}

/// Verdicts in files of a folder, and how often golden cases were run.
private struct Remembered: VerdictStore {
  private let folder: URL

  init(_ folder: URL) { self.folder = folder }

  var runs: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.filter { $0.hasSuffix(".verdict") }.count ?? 0
  }

  func verdict(for key: String) -> String? { try? String(contentsOf: file(key), encoding: .utf8) }

  func keep(_ words: String, for key: String) { try? Data(words.utf8).write(to: file(key)) }

  private func file(_ key: String) -> URL {
    folder.appendingPathComponent(key.filter { $0.isLetter || $0.isNumber } + ".verdict")
  }
}
