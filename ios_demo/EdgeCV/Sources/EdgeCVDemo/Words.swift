import EdgeCV
import EdgeCVCamera

/// What the app says.
public enum Words {
  public static let checking = "Reading the bundle and running its golden cases on this device"
  public static let opening = "Opening the camera"
  public static let takesTensors =
    "This model takes numbers, no pictures. Its golden cases and the benchmark work all the same."
  public static let noPermission =
    "The camera may not be used. Frames stay on this device; without them there is nothing to answer. Allow it in the settings."
  public static let noCamera = "This device has no camera that gives frames. Choose a photo instead."
  public static let noLabelHolds = "none of its labels"
  public static let noBundle = "there is no bundle in this app"
  public static let noBundleHint = "Put one into its folder Bundles: edgecv export ios BUNDLE PROJECT"
  public static let measuring = "Measuring. Leave the app in front and the device alone; a warm device gets slow."
  public static let live = "Live"
  public static let photo = "Photo"
  public static let benchmark = "Benchmark"
  public static let choosePhoto = "Choose a photo"
  public static let start = "Start"
  public static let stop = "Stop"
  public static let share = "Share the result"
  public static let tryAgain = "Try again"
  public static let pictureOfCamera = "What the camera sees"
  public static let pictureChosen = "The photo that was chosen"

  /// Why there are no frames for a while.
  public static func interrupted(_ reason: CameraInterruption) -> String {
    switch reason {
    case .inBackground: "The camera pauses while the app is not in front."
    case .usedElsewhere: "The camera or the microphone is used by another app or a call. It goes on when they end."
    case .besideOtherApps: "The camera pauses beside other apps. Give this one the whole screen."
    case .heat: "The camera pauses because the device is too warm. It goes on when it has cooled down."
    case .unknown: "The camera pauses; the system does not say why."
    }
  }

  /// The camera has stopped, for this reason.
  public static func cameraStopped(_ reason: String) -> String { "the camera stopped: \(reason)" }

  /// A picture that the model has made.
  static func picture(width: Int, height: Int) -> String { "a picture of \(width) x \(height)" }

  /// One of `ModelBundle.leftOut`.
  public static func leftOut(_ sentence: String) -> String { "Left out: \(sentence)." }
}

/// A problem, and what to do about it.
public struct Problem: Equatable, Sendable {
  public let message: String
  public let hint: String?

  /// A problem in words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  /// What an error says.
  public init(_ error: any Error) {
    let known = error as? any EdgeCVError
    self.init(known?.message ?? error.localizedDescription, known?.hint)
  }

  /// "No such bundle. Put one into the app."
  public var text: String { [message, hint].compactMap { $0 }.map { sentence($0) }.joined(separator: " ") }

  private func sentence(_ words: String) -> String { "\(words.prefix(1).uppercased())\(words.dropFirst())." }
}
