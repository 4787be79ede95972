private let mostThreads = 256

/// The options of a benchmark, as `edgecv bench` writes them: what to measure and for how long.
public struct BenchOptions: Equatable, Sendable, RecordReadable {
  static let keys = [
    "targets", "precisions", "backends", "threads", "rounds", "seconds", "warm_up_seconds", "sustained_seconds",
    "sustain_all", "peaks", "profile",
  ]

  /// Only these formats; empty: all.
  public var targets: [String] = []
  public var precisions: [String] = []
  /// Only these ("litert", "coreml"); empty: all.
  public var backends: [String] = []
  /// One row each; empty: one thread, and as many as there are cores.
  public var threads: [Int] = []
  /// Turns of every row, in turn with the others.
  public var rounds = 20
  /// Seconds of measuring a row in all its turns.
  public var seconds = 2.0
  /// The most that warming up one row may take.
  public var warmUpSeconds = 5.0
  /// How long a row runs alone at the end; 0: not at all.
  public var sustainedSeconds = 0.0
  /// Every row, in place of the fastest int8 row.
  public var sustainAll = false

  /// The defaults of `edgecv bench`.
  public init() {}

  init(_ record: Record) throws {
    targets = try record.value("targets", or: [])
    precisions = try record.value("precisions", or: [])
    backends = try record.value("backends", or: [])
    threads = try record.value("threads", or: [])
    rounds = try record.value("rounds", or: 20)
    seconds = try record.value("seconds", or: 2)
    warmUpSeconds = try record.value("warm_up_seconds", or: 5)
    sustainedSeconds = try record.value("sustained_seconds", or: 0)
    sustainAll = try record.value("sustain_all", or: false)
    _ = try record.value("peaks", or: true)  // the computer's own affairs: nothing is measured for them here
    _ = try record.value("profile", or: false)
  }

  /// Read options from JSON.
  ///
  /// - Throws: `BenchError` if it is not this record, or a number is out of its range.
  public static func parse(_ json: String) throws -> BenchOptions {
    do {
      let options = try BenchOptions(json: json, name: "the options")
      try options.check()
      return options
    } catch let error as BundleError {
      throw BenchError(error.message, "Is the app of the same version as edgecv?")
    }
  }

  /// See that every number is in its range.
  func check() throws {
    if !threads.allSatisfy((1...mostThreads).contains) {
      throw BenchError("threads must be 1 to \(mostThreads), got \(threads)")
    }
    if rounds < 2 { throw BenchError("rounds must be at least 2, got \(rounds)") }
    if seconds < 0.001 { throw BenchError("seconds must be at least 0.001, got \(seconds)") }
    if warmUpSeconds < 0 { throw BenchError("warm_up_seconds must be at least 0, got \(warmUpSeconds)") }
    if sustainedSeconds < 0 { throw BenchError("sustained_seconds must be at least 0, got \(sustainedSeconds)") }
  }

  var turnSeconds: Double { seconds / Double(rounds) }

  var threadCounts: [Int] { threads.isEmpty ? Array(Set([1, Device.cores])).sorted() : threads }
}
