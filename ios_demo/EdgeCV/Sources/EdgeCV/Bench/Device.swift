import Foundation

/// What of this device bears on a measurement.
public enum Device {
  /// This device as it is now.
  ///
  /// - Parameters:
  ///   - model: The device's own name, as "iPhone16,2"; nil where it has none.
  ///   - versions: Of what takes part, as "edgecv", "app".
  public static func facts(model: String? = nil, versions: [String: String] = [:]) -> BenchMachine {
    let process = ProcessInfo.processInfo
    return BenchMachine(
      cpu: model ?? architecture, architecture: architecture, cores: cores, system: process.operatingSystemVersionString,
      model: model, memoryBytes: Int(process.physicalMemory), throttled: isHot, versions: versions)
  }

  static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// True where the system says that heat slows it down; nil where it does not say.
  static var isHot: Bool? {
    #if canImport(Darwin)
      let state = ProcessInfo.processInfo.thermalState
      return state == .serious || state == .critical
    #else
      return nil
    #endif
  }

  private static var architecture: String {
    #if arch(arm64)
      "aarch64"
    #elseif arch(x86_64)
      "x86_64"
    #else
      "unknown"
    #endif
  }
}
