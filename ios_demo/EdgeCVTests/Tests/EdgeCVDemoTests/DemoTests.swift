import EdgeCV
import EdgeCVCamera
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
    #expect(model.answers.marks.map { [$0.width, $0.height] } == [32, 48])  // the frame's, upright
    #expect(model.answers.marks?.boxes == [])
  }

  @Test func placesAreDrawnOverFramesAndPhotosAndSaidInWords() async throws {
    let demo = try demo("places")
    let live = LiveModel(demo, FakeCamera(.granted))
    try await start(live)
    let marks = try #require(live.answers.marks)
    #expect((marks.width, marks.height) == (32, 48))
    #expect(marks.masks.map { [$0.width, $0.height] } == [[32, 48]] && marks.made.count == 1)
    #expect(marks.dots.count == 3 && marks.lines.count == 2)
    #expect(live.answers.lines.contains { $0.hasPrefix("a picture of ") })
    let bundle = try Bundles.open("places")
    let photo = PhotoModel(demo)
    let wide = try #require(try bundle.golden().cases.first { $0.id == "wide" })
    await photo.answer(try #require(try bundle.goldenPicture(wide)))
    guard case .answered(let answers) = photo.state else { Issue.record("\(photo.state)"); return }
    let drawn = try #require(answers.marks)
    #expect((drawn.width, drawn.height) == (40, 17) && !drawn.boxes.isEmpty)
    #expect(answers.lines.contains { $0.hasSuffix(" %") } && drawn.boxes[0].text.hasSuffix(" %"))
  }

  @Test func aVerdictOfBeforeIsShownAgain() async throws {
    let demo = try demo("digits")
    let (first, second) = (LiveModel(demo, FakeCamera(.granted)), LiveModel(demo, FakeCamera(.granted)))
    try await start(first)
    try await start(second)
    #expect(!first.verdict.isEmpty && first.verdict == second.verdict)
    #expect(Remembered(folder("digits")).runs == 1)
  }

  @Test func anotherFileRuntimeSystemOrAppRunsTheGoldenCasesAgain() throws {
    let kept = Remembered(folder("digits"))
    var runs = 0
    for (app, system, version) in [("1", "17.0", "2.1"), ("2", "17.0", "2.1"), ("2", "17.1", "2.1"), ("2", "17.1", "2.2")] {
      let engine = LiteRtEngine.Factory(
        library: ProcessInfo.processInfo.environment["LITERT_LIBRARY"], version: version)
      let demo = try demo("digits", engines: [engine], app: app, system: system)
      for _ in 0..<2 { _ = try demo.verdict(of: demo.open()) }
      runs += 1
      #expect(kept.runs == runs)
    }
    let demo = try demo("digits", app: "2", system: "17.1")
    let predictor = try demo.open()
    let bundle = predictor.bundle
    let other = try #require(bundle.manifest.artifacts.first { $0.precision == "float32" && $0.target == .tflite })
    let first = demo.key(of: predictor)
    #expect(first.contains(predictor.artifact.sha256) && !first.contains(other.sha256))
    #expect(try demo.key(of: Predictor.open(bundle, other, litert)) != first)
  }

  @Test func anInterruptionIsSaidAndEnds() async throws {
    let steered = SteeredCamera()
    let camera = steered.steering
    let model = LiveModel(try demo("digits"), steered)
    let task = Task { await model.start() }
    while await !camera.isStarted { try await Task.sleep(nanoseconds: 10_000_000) }
    try await camera.show()
    try await wait(model) { $0 == .live }
    await camera.tell(.interrupted(.heat))
    try await wait(model) { $0 == .interrupted(Words.interrupted(.heat)) }
    try await camera.show()  // one that was under way
    try await Task.sleep(nanoseconds: 200_000_000)
    #expect(model.state == .interrupted(Words.interrupted(.heat)))
    await camera.tell(.resumed)
    try await wait(model) { $0 == .loading(Words.opening) }
    try await camera.show()
    try await wait(model) { $0 == .live }
    await camera.tell(.failed("the device is gone"))
    try await wait(model) { $0 == .failed(Problem("the camera stopped: the device is gone")) }
    task.cancel()
    await task.value
    #expect(Set(CameraInterruption.allCases.map(Words.interrupted)).count == CameraInterruption.allCases.count)
  }

  @Test func theProcessorsAreShownWhereTheRuntimeTellsThem() async throws {
    let plans: [(Telling.Plan, String?)] = [
      (.counts(["cpu": 3, "gpu": 3, "neural engine": 21]), "operations: 21 on the neural engine, 3 on the cpu, 3 on the gpu"),
      (.nothing, nil), (.failure, "No plan. The answers do not depend on it."),
    ]
    for (plan, line) in plans {
      let model = LiveModel(try demo("digits", engines: [Telling(plan: plan)]), FakeCamera(.granted))
      try await start(model)
      #expect(model.state == .live)
      #expect(model.facts.count == (line == nil ? 1 : 2) && (line == nil || model.facts[1] == line), "\(model.facts)")
    }
  }

  @Test func whatIsInTheWayIsSaid() async throws {
    let digits = try demo("digits")
    for (access, state) in [(CameraAccess.refused, LiveState.noPermission), (.missing, .noCamera)] {
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

  /// Wait, a minute at most, until a screen is in a state.
  private func wait(_ model: LiveModel, _ isReached: (LiveState) -> Bool) async throws {
    for _ in 0..<6000 where !isReached(model.state) { try await Task.sleep(nanoseconds: 10_000_000) }
    #expect(isReached(model.state), "\(model.state)")
  }

  /// An app with one bundle, or none, in a folder of its own.
  private func demo(
    _ name: String?, engines: [any EngineFactory] = [litert], app: String = "1", system: String = "17.0"
  ) throws -> Demo {
    let folder = folder(name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let copy = folder.appendingPathComponent("\(name ?? "").edgecv")
    if let name, !FileManager.default.fileExists(atPath: copy.path) {
      try FileManager.default.copyItem(at: Bundles.place(name), to: copy)
    }
    return Demo(
      bundles: folder, engines: engines, decoder: PNGDecoder(), verdicts: Remembered(folder), version: app, system: system)
  }

  private func folder(_ name: String?) -> URL { scratch.folder.appendingPathComponent(name ?? "empty") }
}

/// A camera of one frame.
private struct FakeCamera: LiveCamera {
  private let answer: CameraAccess

  init(_ answer: CameraAccess) { self.answer = answer }

  func access() async -> CameraAccess { answer }

  func start(
    _ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void
  ) async throws {
    handle(try grayFrame())
  }

  func stop() async {}
}

/// A camera that gives a frame, or tells something, when the test wants it.
private struct SteeredCamera: LiveCamera {
  let steering = Steering()

  func access() async -> CameraAccess { .granted }

  func start(
    _ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void
  ) async throws {
    await steering.start(handle, told: told)
  }

  func stop() async { await steering.stop() }
}

private actor Steering {
  private var handle: ((YuvFrame) -> Void)?
  private var told: (@Sendable (CameraEvent) -> Void)?

  var isStarted: Bool { handle != nil }

  func start(_ handle: sending @escaping (YuvFrame) -> Void, told: @escaping @Sendable (CameraEvent) -> Void) {
    self.handle = handle
    self.told = told
  }

  func stop() { handle = nil }

  func show() throws { handle?(try grayFrame()) }

  func tell(_ event: CameraEvent) { told?(event) }
}

private func grayFrame() throws -> YuvFrame {
  let bytes = [UInt8](repeating: 90, count: 48 * 32)
  return try bytes.withUnsafeBytes { plane in
    let half = Plane(plane, rowStride: 24)
    return try YuvFrame().set(y: Plane(plane, rowStride: 48), u: half, v: half, width: 48, height: 32, rotation: 90)
  }
}

/// LiteRT, with a plan of processors as Core ML has one.
private struct Telling: EngineFactory {
  enum Plan {
    case counts([String: Int])
    case nothing
    case failure
  }

  let plan: Plan

  var backend: String { litert.backend }
  var target: Format { litert.target }

  func open(_ artifact: Artifact, _ model: ModelFile, threads: Int) throws -> any Engine {
    TellingEngine(try litert.open(artifact, model, threads: threads), plan)
  }
}

private final class TellingEngine: Engine {
  private let engine: any Engine
  private let plan: Telling.Plan

  init(_ engine: any Engine, _ plan: Telling.Plan) {
    self.engine = engine
    self.plan = plan
  }

  var inputs: [Tensor] { engine.inputs }
  var outputs: [Tensor] { engine.outputs }
  var info: BackendInfo { engine.info }

  func run() throws { try engine.run() }

  func plan(isolation: isolated (any Actor)?) async throws -> [String: Int]? {
    switch plan {
    case .counts(let counts): return counts
    case .nothing: return nil
    case .failure: throw EngineError("no plan", "The answers do not depend on it")
    }
  }
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
