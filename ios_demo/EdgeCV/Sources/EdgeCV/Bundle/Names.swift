import Foundation

/// The schema version of `bundle.json` that this library reads.
public let schemaVersion = 2

/// The formats of artifacts, in the words of a bundle's `target`. What runs its files is an `EngineFactory`.
public enum Format: String, CaseIterable, Sendable, FieldReadable {
  case tflite
  case onnx
  case coreml
  case coreai

  /// The name as in `bundle.json` and on the command line.
  public var title: String { rawValue }

  /// Says whether an artifact of this format may have that precision, by the names of `edgecv_runtime.precisions`.
  func hasPrecision(_ name: String) -> Bool {
    if Format.plain.contains(name) { return true }
    guard let own else { return false }
    return name.range(of: "^(\(own))$", options: .regularExpression) == name.startIndex..<name.endIndex
  }

  private static let plain = ["float32", "float16", "dynamic", "int8", "int16x8", "mixed"]

  /// The precisions of this format alone, as a regular expression.
  private var own: String? {
    switch self {
    case .coreml: "\(Format.weights)|\(Format.sparse)"
    case .coreai: Format.weights
    default: nil
    }
  }

  private static let weights = "weights8|weights4(-block(16|64))?|palette8|palette[6432](-group(4|8|16|32))?"
  private static let sparse = "sparse([1-9]0)?-palette[86432]"
}

/// The place of the channels in a tensor's shape.
public enum TensorLayout: String, CaseIterable, Sendable, FieldReadable {
  case nhwc = "NHWC"
  case nchw = "NCHW"
  case none
}

/// The outcome of an artifact's proof; it is weak where the samples could not prove much.
public enum Status: String, CaseIterable, Sendable, FieldReadable {
  case passed
  case weak
  case failed
  case notRun = "not_run"
}

/// The function that turns an output into scores in 0..1.
public enum Activation: String, CaseIterable, Sendable, FieldReadable {
  case none
  case softmax
  case sigmoid
}

/// The way in which a picture of any shape is brought to the input's aspect ratio.
public enum FitMode: String, CaseIterable, Sendable, FieldReadable {
  case stretch
  case crop
  case resizeCrop = "resize_crop"
  case letterbox
}

/// A resampling kernel.
public enum Kernel: String, CaseIterable, Sendable, FieldReadable {
  case nearest
  case bilinear
  case bicubic
  case lanczos
  case box
}

/// The library whose exact arithmetic a resize follows.
public enum Semantics: String, CaseIterable, Sendable, FieldReadable {
  case pillow
  case tf
}

/// The channels of an input, in order.
public enum ColorOrder: String, CaseIterable, Sendable, FieldReadable {
  case rgb
  case bgr
  case gray

  var channels: Int { self == .gray ? 1 : 3 }
}

/// The kind of a model's input: a picture, or a tensor of numbers.
public enum Kind: String, CaseIterable, Sendable, FieldReadable {
  case image
  case tensor
}

/// The rule for pictures whose EXIF block says that they are turned: turn them upright, or ignore it.
public enum OrientationRule: String, CaseIterable, Sendable, FieldReadable {
  case exif
  case ignore
}

/// What becomes of a file's 16-bit gray: its high byte, or white where it is over 255. A frame's pixels are bytes already.
public enum Depth: String, CaseIterable, Sendable, FieldReadable {
  case shift
  case clip
}

/// The kinds of heads that this library answers for; each is a file of the folder `Heads`.
public enum HeadKind: String, CaseIterable, Sendable, FieldReadable {
  /// One of n classes.
  case classification

  /// Yes or no, from one value.
  case binary

  /// Any of n labels.
  case multilabel

  /// Values that mean themselves.
  case regression

  /// Labels with a box in the picture.
  case detection

  /// A class for each pixel of the picture.
  case segmentation

  /// Points in the picture.
  case keypoints

  /// A picture.
  case image

  /// A unit vector.
  case embedding

  /// The name as in `bundle.json`.
  public var title: String { rawValue }

  /// True if scores are shares of 1, which people read in percent; else they are values in the head's unit.
  public var hasShares: Bool { type.hasShares }
}
