import Foundation

/// The schema version of the result that this library writes.
public let resultVersion = 1

/// The durations of one stage in microseconds; `samplesUs` are at most 400 of the values, evenly over time.
public struct Latency: Encodable, Equatable, Sendable {
  public let count: Int
  public let minUs: Double
  public let meanUs: Double
  public let p50Us: Double
  public let p90Us: Double
  public let p99Us: Double
  public let samplesUs: [Double]
}

/// The warm-up, none of which counts; `stable` is false where time was up before it settled.
public struct WarmUp: Encodable, Equatable, Sendable {
  public let turns: Int
  public let count: Int
  public let seconds: Double
  public let stable: Bool
}

/// The runtime that really ran an artifact.
public struct Library: Encodable, Equatable, Sendable {
  public let name: String
  public let version: String
  public let providers: [String]
}

/// p50 and p90 of the `count` inferences that began from `second` on, without a pause.
public struct Sustained: Encodable, Equatable, Sendable {
  public let second: Double
  public let count: Int
  public let p50Us: Double
  public let p90Us: Double
}

/// One artifact on one backend with so many threads; where `notRun` has a reason, nothing was measured.
public struct BenchRow: Encodable, Equatable, Sendable {
  public let artifact: String
  public let target: String
  public let precision: String
  public let sha256: String
  public let bytes: Int
  public let backend: String
  public let threads: Int
  public internal(set) var notRun: String?
  public internal(set) var library: Library?
  public internal(set) var loadUs: Double?
  public internal(set) var coldUs: Double?
  public internal(set) var preprocess: Latency?
  public internal(set) var inference: Latency?
  public internal(set) var postprocess: Latency?
  public internal(set) var total: Latency?
  public internal(set) var perSecond: Double?
  public internal(set) var inferencesPerSecond: Double?
  public internal(set) var warmUp: WarmUp?
  public internal(set) var drift: Double?
  public internal(set) var turnP50Us: [Double] = []
  public internal(set) var multiplyAddsPerSecond: Double?
  public internal(set) var sustained: [Sustained] = []

  /// The row's name for people, such as "tflite int8 on litert, 2 threads".
  public var title: String { "\(target) \(precision) on \(backend), \(threads) thread\(threads == 1 ? "" : "s")" }
}

/// The machine that was measured; an app adds the model's name to what `Device.facts` fills.
public struct BenchMachine: Encodable, Equatable, Sendable {
  public let cpu: String
  public let architecture: String
  public let cores: Int
  public let system: String
  public let model: String?
  public let memoryBytes: Int?
  public internal(set) var throttled: Bool?
  public let versions: [String: String]
}

/// The place that the numbers are from: this device.
public struct BenchPlace: Encodable, Equatable, Sendable {
  public let kind: String
}

/// The settings of the measurement.
public struct BenchSettings: Encodable, Equatable, Sendable {
  public let rounds: Int
  public let seconds: Double
  public let warmUpSeconds: Double
  public let sustainedSeconds: Double
  public let threads: [Int]
  public let input: String
  public let data: String
  public let inputs: Int
}

/// A whole benchmark of one bundle on this device, by the schema of `edgecv bench`; `task` are the kinds of its heads, in their
/// order.
public struct BenchResult: Encodable, Equatable, Sendable {
  public let schemaVersion: Int
  public let name: String
  public let identity: String
  public let task: String
  public let created: String
  public let place: BenchPlace
  public let machine: BenchMachine
  public let settings: BenchSettings
  public let rows: [BenchRow]
  public let multiplyAdds: Int?
  public let stable: Bool
  public let unstable: [String]
  public let notes: [String]

  /// The result as the JSON that `edgecv bench --import` reads.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
