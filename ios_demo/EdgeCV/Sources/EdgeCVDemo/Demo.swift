import EdgeCV
import Foundation

/// What the app is made of: its bundle, its runtimes, and what differs between a phone and a test.
public struct Demo: Sendable {
  let place: @Sendable () throws -> URL
  let engines: [any EngineFactory]
  let decoder: any PictureDecoder
  let verdicts: any VerdictStore
  private let version: String
  private let system: String

  /// The parts of an app.
  ///
  /// - Parameters:
  ///   - bundles: The folder with NAME.edgecv in it; the first by name is taken.
  ///   - engines: What can run here, the best first.
  ///   - verdicts: Remembers that golden cases were run.
  ///   - version: The app's own (CFBundleVersion): another one may compute otherwise.
  ///   - system: The operating system's version, whose runtimes and decoders take part.
  public init(
    bundles: URL?, engines: [any EngineFactory], decoder: any PictureDecoder, verdicts: any VerdictStore, version: String,
    system: String = ProcessInfo.processInfo.operatingSystemVersionString
  ) {
    place = { try Demo.first(in: bundles) }
    self.engines = engines
    self.decoder = decoder
    self.verdicts = verdicts
    self.version = version
    self.system = system
  }

  /// The first bundle by name.
  private static func first(in folder: URL?) throws -> URL {
    let names = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
    guard let folder, let name = names.filter({ $0.hasSuffix(".edgecv") }).sorted().first else {
      throw BundleError(Words.noBundle, Words.noBundleHint)
    }
    return folder.appendingPathComponent(name)
  }

  /// Open the bundle with the best artifact that runs here.
  ///
  /// - Throws: `BundleError` or `EngineError` if there is none.
  func open() throws -> Predictor { try Predictor.open(ModelBundle.open(place()), engines) }

  /// The verdict of the golden cases: that of before for the same bundle, file, runtime, system and app, else they are run now.
  func verdict(of predictor: Predictor) throws -> String {
    let key = key(of: predictor)
    if let known = verdicts.verdict(for: key) { return known }
    let words = try Lines.verdict(SelfTest.run(predictor, decoder))
    verdicts.keep(words, for: key)
    return words
  }

  /// All that the verdict depends on.
  func key(of predictor: Predictor) -> String {
    let parts = [predictor.bundle.identity, predictor.artifact.sha256, predictor.describe(), system, version]
    return parts.joined(separator: "\n")
  }
}

/// Remembers verdicts, so that golden cases run on first start, and again when the bundle, the file, the runtime, the system or
/// the app changes.
public protocol VerdictStore: Sendable {
  /// The words of a verdict of before, or nil.
  func verdict(for key: String) -> String?

  /// Remember a verdict.
  func keep(_ words: String, for key: String)
}

/// Verdicts in the app's settings.
public struct SettingsStore: VerdictStore {
  private static let name = "verdicts"

  /// The store of this app.
  public init() {}

  public func verdict(for key: String) -> String? {
    (UserDefaults.standard.dictionary(forKey: SettingsStore.name) as? [String: String])?[key]
  }

  public func keep(_ words: String, for key: String) {
    UserDefaults.standard.set([key: words], forKey: SettingsStore.name)  // only the last: an app has one bundle
  }
}
