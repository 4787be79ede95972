/// `fraction` (0, 1] belongs to `crop`, `shorter` (pixels) to `resizeCrop`, `pad` (0..255, one or one a channel) to `letterbox`.
public struct Fit: Equatable, Sendable {
  public let mode: FitMode
  public let fraction: Double?
  public let shorter: Int?
  public let pad: [Int]?

  /// A fit; what belongs to another mode stays nil.
  public init(_ mode: FitMode = .stretch, fraction: Double? = nil, shorter: Int? = nil, pad: [Int]? = nil) {
    self.mode = mode
    self.fraction = fraction
    self.shorter = shorter
    self.pad = pad
  }
}

/// The resampling kernel and its arithmetic.
public struct Resize: Equatable, Sendable {
  public let kernel: Kernel
  public let semantics: Semantics

  /// A resize; Pillow's bilinear is the default.
  public init(_ kernel: Kernel = .bilinear, _ semantics: Semantics = .pillow) {
    self.kernel = kernel
    self.semantics = semantics
  }
}

/// y = x * scale[c] + offset[c], two float32 operations; one value, or one a channel in the order of `color`.
public struct Normalize: Equatable, Sendable {
  public let preset: String?
  public let scale: [Double]
  public let offset: [Double]

  /// A normalization; the default leaves values as they are.
  public init(preset: String? = nil, scale: [Double] = [1], offset: [Double] = [0]) {
    self.preset = preset
    self.scale = scale
    self.offset = offset
  }
}

/// From a picture (or a raw tensor) to one input; `size` is (height, width) in pixels, nil for tensors.
public struct Preprocess: Equatable, Sendable {
  public let kind: Kind
  public let size: [Int]?
  public let orientation: OrientationRule
  public let depth: Depth
  public let color: ColorOrder
  public let fit: Fit
  public let resize: Resize
  public let normalize: Normalize

  /// A preprocessing, with the defaults of a bundle.
  public init(
    kind: Kind = .image, size: [Int]? = nil, orientation: OrientationRule = .exif, depth: Depth = .shift,
    color: ColorOrder = .rgb, fit: Fit = Fit(), resize: Resize = Resize(), normalize: Normalize = Normalize()
  ) {
    self.kind = kind
    self.size = size
    self.orientation = orientation
    self.depth = depth
    self.color = color
    self.fit = fit
    self.resize = resize
    self.normalize = normalize
  }
}

/// The record of one head, which says what some of the model's outputs mean.
public struct HeadSpec: Equatable, Sendable {
  /// Of one output that output's name, of several their names joined by "+"; no two heads have the same.
  public let name: String
  public let kind: HeadKind
  /// The names of its outputs; every output of the model belongs to one head.
  public let outputs: [String]
  /// The names of the classes, labels or columns; nil: they are numbers.
  public let labels: [String]?
  /// What the device still applies to the output to get scores in 0..1.
  public let activation: Activation
  /// From which score on a label holds: one for all, or one a label; empty where the kind knows none.
  public let thresholds: [Double]
  /// How the outputs become boxes, a mask, points or a picture, for the kinds that answer with such; else nil.
  public let decode: HeadDecoder?
  /// What people call it, or nil.
  public let title: String?
  /// The unit of its values, for people, or nil.
  public let unit: String?

  /// The name of one of its classes, labels or columns; the index as text where it has none.
  public func label(_ index: Int) -> String {
    if let labels, labels.indices.contains(index) { return labels[index] }
    return String(index)
  }
}

/// One input or output of the source model; `shape` includes the static batch.
public struct TensorSpec: Equatable, Sendable {
  public let name: String
  public let shape: [Int]
  public let dtype: String
}

/// real = scale * (q - zeroPoint), per tensor.
public struct QuantParams: Equatable, Sendable {
  public let scale: Double
  public let zeroPoint: Int

  /// The two numbers of a quantization.
  public init(scale: Double, zeroPoint: Int) {
    self.scale = scale
    self.zeroPoint = zeroPoint
  }
}

/// One input or output of an artifact: the source's `name`, and the `tensor` name inside the artifact's file.
public struct TensorIO: Equatable, Sendable {
  public let name: String
  public let tensor: String
  public let shape: [Int]
  public let dtype: String
  public let layout: TensorLayout
  public let quantization: QuantParams?
  /// Of an input whose artifact normalizes by itself: it takes the pixels' bytes, in the order of the preprocessing's color.
  public let normalize: Normalize?
  /// True for an output that is a dictionary from label to number; its values are in the order of its head's labels.
  public let byLabel: Bool
  /// What the artifact itself applies of its head's activation; nobody applies it again.
  public let activation: Activation

  /// A tensor of an artifact.
  public init(
    name: String, tensor: String, shape: [Int], dtype: String, layout: TensorLayout = .none,
    quantization: QuantParams? = nil, normalize: Normalize? = nil, byLabel: Bool = false,
    activation: Activation = .none
  ) {
    self.name = name
    self.tensor = tensor
    self.shape = shape
    self.dtype = dtype
    self.layout = layout
    self.quantization = quantization
    self.normalize = normalize
    self.byLabel = byLabel
    self.activation = activation
  }
}

/// One converted model.
public struct Artifact: Equatable, Sendable {
  public let target: Format
  public let precision: String
  public let file: String
  public let sha256: String
  public let bytes: Int
  public let inputs: [TensorIO]
  public let outputs: [TensorIO]
  public let ops: [String: Int]
  public let requires: [String: String]
  public let parity: Status

  /// The format and the precision, as "tflite int8".
  public var title: String { "\(target.title) \(precision)" }
}

/// The comparison of one head's answers with the source's.
public struct HeadComparison: Equatable, Sendable {
  public let head: String
  /// The share of equal answers, 0..1: of samples, boxes, pixels, points or values.
  public let agreement: Double
  /// The answers that the source gives, and the artifact never.
  public let never: [String]
  /// What else the kind measures, such as "mean_iou".
  public let measured: [String: Double]

  init(head: String, agreement: Double, never: [String] = [], measured: [String: Double] = [:]) {
    self.head = head
    self.agreement = agreement
    self.never = never
    self.measured = measured
  }
}

/// The comparison of one output, or some of its columns, with the source's; `constant` are columns that vary in the source only,
/// `lost` those that follow it no better than a constant does, or by another factor.
public struct PartComparison: Equatable, Sendable {
  public let part: String
  public let snrDb: Double?
  public let constant: [String]
  public let lost: [String]
}

/// The comparison of an artifact's outputs with the source's on `count` samples; `snrDb` is nil where they are equal.
public struct Comparison: Equatable, Sendable {
  public let count: Int
  public let maxAbsError: Double
  public let meanAbsError: Double
  public let cosine: Double
  public let snrDb: Double?
  public let agreement: Double?
  public let flips: [String]
  public let nonFinite: Int
  public let heads: [HeadComparison]
  public let parts: [PartComparison]
}

/// Top-1 accuracy on labelled samples, with the source's on the same ones.
public struct Accuracy: Equatable, Sendable {
  public let count: Int
  public let accuracy: Double
  public let interval: [Double]
  public let referenceAccuracy: Double
  public let lost: Int
  public let gained: Int
  public let mcnemarP: Double
}

/// One gate of the proof: `value` must be at least (or at most) `limit` on the data set `on`.
public struct Gate: Equatable, Sendable {
  public let name: String
  public let on: String
  public let limit: Double
  public let value: Double?
  public let passed: Bool
  /// The head or the part of an output that it is read on, where there are several.
  public let subject: String?
}

/// The comparison of an artifact with `other`, which carries the same quantization.
public struct Twin: Equatable, Sendable {
  public let other: String
  public let on: String
  public let count: Int
  public let equal: Int
  public let agreement: Double
}

/// The proof of one artifact: its outcome, how the artifact was run, and the numbers.
public struct Parity: Equatable, Sendable {
  public let artifact: String
  public let status: Status
  public let how: String
  public let reason: String?
  public let comparisons: [String: Comparison]
  public let accuracy: Accuracy?
  public let twin: Twin?
  public let gates: [Gate]
}

/// The samples that set the quantization ranges.
public struct CalibrationSet: Equatable, Sendable {
  public let kind: String
  public let count: Int
  public let skipped: Int
  public let seed: Int
  public let sha256: String
}

/// The one quantization that all int8 artifacts of the bundle carry.
public struct Quantization: Equatable, Sendable {
  public let quantizer: String
  public let weights: String
  public let activations: String
  public let io: String
  public let calibration: CalibrationSet?
  public let floatLayers: [String]
}

/// The trained model.
public struct SourceInfo: Equatable, Sendable {
  public let format: String
  public let loader: String
  public let sha256: String
  public let parameters: Int
  public let multiplyAdds: Int?
}

/// The facts of the converting machine's processor that change int8 results.
public struct Cpu: Equatable, Sendable {
  public let architecture: String
  public let flags: [String]
}

/// The origin of the bundle: the model, the versions that made it, and the keys of the recipe that have a value.
public struct Provenance: Equatable, Sendable {
  public let edgecv: String
  public let source: SourceInfo
  public let recipe: Set<String>
  public let versions: [String: String]
  public let cpu: Cpu
}

/// The golden cases: their list, its digest, and how many there are.
public struct GoldenInfo: Equatable, Sendable {
  public let file: String
  public let sha256: String
  public let count: Int
}

/// All of `bundle.json` that this library knows; `labels` are those of the first head that has some.
public struct Manifest: Equatable, Sendable {
  public let schemaVersion: Int
  public let name: String
  public let inputs: [TensorSpec]
  public let outputs: [TensorSpec]
  public let preprocess: [String: Preprocess]
  public let heads: [HeadSpec]
  public let labels: [String]?
  public let artifacts: [Artifact]
  public let quantization: Quantization?
  public let parity: [Parity]
  public let identity: String
  public let provenance: Provenance
  public let golden: GoldenInfo
}

/// A raw little-endian file: C order, batch included.
public struct GoldenTensor: Equatable, Sendable {
  public let file: String
  public let sha256: String
  public let shape: [Int]
  public let dtype: String
}

/// The answer of one head that the source's outputs of a case are decoded to.
public struct GoldenAnswer: Equatable, Sendable {
  /// The index of a class, or a 1 or 0 for each label, or the label of each box; -1 where the outputs are not finite, nil where
  /// nothing is decided.
  public let decisions: [Int]?
  /// One float32 number for each answer, after the head's activation; of answers that are places see docs/decoding.md.
  public let scores: GoldenTensor
}

/// One case: the picture (nil for tensor inputs), the preprocessed float32 inputs, the source's outputs, and its answers by head.
public struct GoldenCase: Equatable, Sendable {
  public let id: String
  public let image: String?
  public let imageSha256: String?
  public let inputs: [String: GoldenTensor]
  public let outputs: [String: GoldenTensor]
  public let answers: [String: GoldenAnswer]
}

/// The list of golden cases; what `golden/golden.json` says of layers helps to find a wrong operation, and is not used here.
public struct Golden: Equatable, Sendable {
  public let cases: [GoldenCase]
}
