import EdgeCVLiteRT
import Foundation
import TestSupport
import Testing

@testable import EdgeCV

private let short =
  #"{"rounds": 4, "seconds": 0.04, "warm_up_seconds": 0.05, "sustained_seconds": 0.05, "threads": [1], "peaks": false}"#

/// The benchmark's core; that Python takes its result is checked by `python -m tests.ios.results`.
struct BenchmarkTests {
  private let machine = Device.facts(versions: ["edgecv": "0.1.0"])

  @Test(arguments: ["digits", "digits_int8", "people"]) func aBundleIsMeasured(_ name: String) throws {
    let bundle = try Bundles.open(name)
    var told: [BenchProgress] = []
    let result = try Benchmark(bundle, [litert], machine, PNGDecoder()).run(BenchOptions.parse(short)) { told.append($0) }
    let folder = Bundles.folder.appendingPathComponent("results")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(result.json().utf8).write(to: folder.appendingPathComponent("\(name).json"))
    let wanted = bundle.manifest.artifacts.filter { $0.target == .tflite }
    #expect(result.rows.map(\.artifact) == wanted.map(\.file))
    #expect(result.identity == bundle.identity)
    #expect(result.settings.input == "pictures")
    #expect(result.rows.filter { !$0.sustained.isEmpty }.count == 1)
    for row in result.rows {
      let (total, inference) = (try #require(row.total), try #require(row.inference))
      #expect(row.notRun == nil && row.turnP50Us.count == 4 && row.drift != nil)
      #expect(total.count >= 4 && total.p50Us >= inference.minUs)
    }
    let kinds = Set(told.map { String($0.doing.prefix { $0 != ":" }) })
    #expect(kinds == ["load", "warm up", "measure", "sustain"])
    #expect(told.allSatisfy { $0.done <= $0.total })
  }

  @Test func withoutADecoderTheGoldenTensorsAreMeasured() throws {
    var options = try BenchOptions.parse(short)
    (options.precisions, options.sustainedSeconds) = (["int8"], 0)
    let result = try Benchmark(Bundles.open("digits"), [litert], machine).run(options)
    #expect(result.settings.input == "tensors")
    #expect(result.rows.map(\.precision) == ["int8"])
  }

  @Test func aRowThatCannotRunSaysWhyAndTheOthersGoOn() throws {
    let scratch = try Scratch()
    let place = try Bundles.copy("digits", into: scratch)
    let file = place.appendingPathComponent("tflite/model.int8.tflite")
    try (Data(contentsOf: file) + [0]).write(to: file)
    let rows = try Benchmark(ModelBundle.open(place), [litert], machine).run(BenchOptions.parse(short)).rows
    let (broken, whole) = (
      try #require(rows.first { $0.precision == "int8" }), try #require(rows.first { $0.precision == "float32" })
    )
    #expect(try #require(broken.notRun).hasPrefix("tflite/model.int8.tflite has "))
    #expect(broken.total == nil && whole.total != nil)
  }

  @Test func whatIsNotThereIsRefused() throws {
    let benchmark = Benchmark(try Bundles.open("digits"), [litert], machine)
    var options = BenchOptions()
    options.precisions = ["int4"]
    #expect(try #require(message { _ = try benchmark.run(options) }).contains("fits what was asked for"))
    options.backends = ["coreml"]
    #expect(hint { _ = try benchmark.run(options) } == "This app has litert")
    options.rounds = 1
    #expect(message { _ = try benchmark.run(options) } == "rounds must be at least 2, got 1")
  }

  @Test func aBenchmarkWhoseTaskIsCancelledEnds() async throws {
    let bundle = try Bundles.open("digits")
    let task = Task.detached { [machine] in
      try Benchmark(bundle, [litert], machine).run(BenchOptions()) {
        if $0.doing.hasPrefix("warm up") { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func optionsAreReadStrictly() throws {
    #expect(try BenchOptions.parse("{}") == BenchOptions())
    for text in [#"{"rounds": 1}"#, #"{"threads": [0]}"#, #"{"seconds": 0}"#, #"{"speed": 1}"#, #"{"peaks": 1}"#, "x"] {
      #expect(message { _ = try BenchOptions.parse(text) } != nil, "\(text)")
    }
  }

  @Test func pythonsOptionsAreRead() throws {
    let file = Bundles.folder.appendingPathComponent("options.json")  // Options(threads=(1, 2), profile=True)
    var wanted = BenchOptions()
    wanted.threads = [1, 2]
    #expect(try BenchOptions.parse(String(contentsOf: file, encoding: .utf8)) == wanted)
  }

  @Test func figuresAreNumPys() throws {
    let found = latency([4, 1, 3, 2])
    #expect([found.minUs, found.meanUs, found.p50Us, found.p90Us, found.p99Us] == [1, 2.5, 2.5, 3.7, 3.97])
    #expect(latency((0..<1001).map(Double.init)).samplesUs.count == 400)
    #expect(drift([1, 1, 1.5, 1.5]) == 0.5)
    #expect(isSettled([9, 1, 1, 1, 1.01, 1, 1]) && !isSettled([1, 1, 1, 2, 2, 2]))
  }
}
