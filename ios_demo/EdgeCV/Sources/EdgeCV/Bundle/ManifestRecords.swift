/// How the records of `bundle.json` and `golden.json` are read; the keys stand in the order of the JSON Schema.

extension Fit: RecordReadable {
  static let keys = ["mode", "fraction", "shorter", "pad"]

  init(_ record: Record) throws {
    mode = try record.value("mode", or: .stretch)
    fraction = try record.value("fraction", or: nil)
    shorter = try record.value("shorter", or: nil)
    pad = try record.value("pad", or: nil)
  }
}

extension Resize: RecordReadable {
  static let keys = ["kernel", "semantics"]

  init(_ record: Record) throws {
    kernel = try record.value("kernel", or: .bilinear)
    semantics = try record.value("semantics", or: .pillow)
  }
}

extension Normalize: RecordReadable {
  static let keys = ["preset", "scale", "offset"]

  init(_ record: Record) throws {
    preset = try record.value("preset", or: nil)
    scale = try record.value("scale", or: [1])
    offset = try record.value("offset", or: [0])
  }
}

extension Preprocess: RecordReadable {
  static let keys = ["kind", "size", "orientation", "depth", "color", "fit", "resize", "normalize"]

  init(_ record: Record) throws {
    kind = try record.value("kind", or: .image)
    size = try record.value("size", or: nil)
    orientation = try record.value("orientation", or: .exif)
    depth = try record.value("depth", or: .shift)
    color = try record.value("color", or: .rgb)
    fit = try record.value("fit", or: Fit())
    resize = try record.value("resize", or: Resize())
    normalize = try record.value("normalize", or: Normalize())
  }
}

extension HeadSpec: RecordReadable {
  static let keys = ["name", "kind", "outputs", "labels", "activation", "thresholds", "decode", "title", "unit"]

  init(_ record: Record) throws {
    name = try record.value("name")
    kind = try record.value("kind")
    outputs = try record.value("outputs")
    labels = try record.value("labels", or: nil)
    activation = try record.value("activation", or: .none)
    thresholds = try record.value("thresholds", or: [])
    decode = try record.value("decode", or: nil)
    title = try record.value("title", or: nil)
    unit = try record.value("unit", or: nil)
  }
}

extension TensorSpec: RecordReadable {
  static let keys = ["name", "shape", "dtype"]

  init(_ record: Record) throws {
    name = try record.value("name")
    shape = try record.value("shape")
    dtype = try record.value("dtype")
  }
}

extension QuantParams: RecordReadable {
  static let keys = ["scale", "zero_point"]

  init(_ record: Record) throws {
    scale = try record.value("scale")
    zeroPoint = try record.value("zero_point")
  }
}

extension TensorIO: RecordReadable {
  static let keys = [
    "name", "tensor", "shape", "dtype", "layout", "quantization", "normalize", "by_label", "activation",
  ]

  init(_ record: Record) throws {
    name = try record.value("name")
    tensor = try record.value("tensor")
    shape = try record.value("shape")
    dtype = try record.value("dtype")
    layout = try record.value("layout", or: .none)
    quantization = try record.value("quantization", or: nil)
    normalize = try record.value("normalize", or: nil)
    byLabel = try record.value("by_label", or: false)
    activation = try record.value("activation", or: .none)
  }
}

extension Artifact: RecordReadable {
  static let keys = [
    "target", "precision", "file", "sha256", "bytes", "inputs", "outputs", "ops", "requires", "parity",
  ]

  init(_ record: Record) throws {
    target = try record.value("target")
    precision = try record.value("precision")
    file = try record.value("file")
    sha256 = try record.value("sha256")
    bytes = try record.value("bytes")
    inputs = try record.value("inputs")
    outputs = try record.value("outputs")
    ops = try record.value("ops")
    requires = try record.value("requires")
    parity = try record.value("parity", or: .notRun)
  }
}

extension HeadComparison: RecordReadable {
  static let keys = ["head", "agreement", "never", "measured"]

  init(_ record: Record) throws {
    head = try record.value("head")
    agreement = try record.value("agreement")
    never = try record.value("never", or: [])
    measured = try record.value("measured", or: [:])
  }
}

extension PartComparison: RecordReadable {
  static let keys = ["part", "snr_db", "constant", "lost"]

  init(_ record: Record) throws {
    part = try record.value("part")
    snrDb = try record.value("snr_db")
    constant = try record.value("constant", or: [])
    lost = try record.value("lost", or: [])
  }
}

extension Comparison: RecordReadable {
  static let keys = [
    "count", "max_abs_error", "mean_abs_error", "cosine", "snr_db", "agreement", "flips", "non_finite", "heads", "parts",
  ]

  init(_ record: Record) throws {
    count = try record.value("count")
    maxAbsError = try record.value("max_abs_error")
    meanAbsError = try record.value("mean_abs_error")
    cosine = try record.value("cosine")
    snrDb = try record.value("snr_db")
    agreement = try record.value("agreement")
    flips = try record.value("flips", or: [])
    nonFinite = try record.value("non_finite", or: 0)
    heads = try record.value("heads", or: [])
    parts = try record.value("parts", or: [])
  }
}

extension Accuracy: RecordReadable {
  static let keys = ["count", "accuracy", "interval", "reference_accuracy", "lost", "gained", "mcnemar_p"]

  init(_ record: Record) throws {
    count = try record.value("count")
    accuracy = try record.value("accuracy")
    interval = try record.value("interval")
    referenceAccuracy = try record.value("reference_accuracy")
    lost = try record.value("lost")
    gained = try record.value("gained")
    mcnemarP = try record.value("mcnemar_p")
  }
}

extension Gate: RecordReadable {
  static let keys = ["name", "on", "limit", "value", "passed", "subject"]

  init(_ record: Record) throws {
    name = try record.value("name")
    on = try record.value("on")
    limit = try record.value("limit")
    value = try record.value("value")
    passed = try record.value("passed")
    subject = try record.value("subject", or: nil)
  }
}

extension Twin: RecordReadable {
  static let keys = ["other", "on", "count", "equal", "agreement"]

  init(_ record: Record) throws {
    other = try record.value("other")
    on = try record.value("on")
    count = try record.value("count")
    equal = try record.value("equal")
    agreement = try record.value("agreement")
  }
}

extension Parity: RecordReadable {
  static let keys = ["artifact", "status", "how", "reason", "comparisons", "accuracy", "twin", "gates"]

  init(_ record: Record) throws {
    artifact = try record.value("artifact")
    status = try record.value("status")
    how = try record.value("how")
    reason = try record.value("reason", or: nil)
    comparisons = try record.value("comparisons", or: [:])
    accuracy = try record.value("accuracy", or: nil)
    twin = try record.value("twin", or: nil)
    gates = try record.value("gates", or: [])
  }
}

extension CalibrationSet: RecordReadable {
  static let keys = ["kind", "count", "skipped", "seed", "sha256"]

  init(_ record: Record) throws {
    kind = try record.value("kind")
    count = try record.value("count")
    skipped = try record.value("skipped")
    seed = try record.value("seed")
    sha256 = try record.value("sha256")
  }
}

extension Quantization: RecordReadable {
  static let keys = ["quantizer", "weights", "activations", "io", "calibration", "float_layers"]

  init(_ record: Record) throws {
    quantizer = try record.value("quantizer")
    weights = try record.value("weights")
    activations = try record.value("activations")
    io = try record.value("io")
    calibration = try record.value("calibration")
    floatLayers = try record.value("float_layers", or: [])
  }
}

extension SourceInfo: RecordReadable {
  static let keys = ["format", "loader", "sha256", "parameters", "multiply_adds"]

  init(_ record: Record) throws {
    format = try record.value("format")
    loader = try record.value("loader")
    sha256 = try record.value("sha256")
    parameters = try record.value("parameters")
    multiplyAdds = try record.value("multiply_adds", or: nil)
  }
}

extension Cpu: RecordReadable {
  static let keys = ["architecture", "flags"]

  init(_ record: Record) throws {
    architecture = try record.value("architecture")
    flags = try record.value("flags")
  }
}

extension Provenance: RecordReadable {
  static let keys = ["edgecv", "source", "recipe", "versions", "cpu"]

  init(_ record: Record) throws {
    edgecv = try record.value("edgecv")
    source = try record.value("source")
    let options: [String: JSON] = try record.value("recipe")
    recipe = Set(options.filter { $0.value != .null }.keys)
    versions = try record.value("versions")
    cpu = try record.value("cpu")
  }
}

extension GoldenInfo: RecordReadable {
  static let keys = ["file", "sha256", "count"]

  init(_ record: Record) throws {
    file = try record.value("file")
    sha256 = try record.value("sha256")
    count = try record.value("count")
  }
}

extension Manifest: RecordReadable {
  static let keys = [
    "schema_version", "name", "inputs", "outputs", "preprocess", "heads", "labels", "artifacts", "quantization",
    "parity", "identity", "provenance", "golden",
  ]

  init(_ record: Record) throws {
    schemaVersion = try record.value("schema_version")
    name = try record.value("name")
    inputs = try record.value("inputs")
    outputs = try record.value("outputs")
    preprocess = try record.value("preprocess")
    heads = try record.value("heads")
    labels = try record.value("labels")
    artifacts = try record.value("artifacts")
    quantization = try record.value("quantization")
    parity = try record.value("parity")
    identity = try record.value("identity")
    provenance = try record.value("provenance")
    golden = try record.value("golden")
  }
}

extension GoldenTensor: RecordReadable {
  static let keys = ["file", "sha256", "shape", "dtype"]

  init(_ record: Record) throws {
    file = try record.value("file")
    sha256 = try record.value("sha256")
    shape = try record.value("shape")
    dtype = try record.value("dtype")
  }
}

extension GoldenAnswer: RecordReadable {
  static let keys = ["decisions", "scores"]

  init(_ record: Record) throws {
    decisions = try record.value("decisions")
    scores = try record.value("scores")
  }
}

extension GoldenCase: RecordReadable {
  static let keys = ["id", "image", "image_sha256", "inputs", "outputs", "answers"]

  init(_ record: Record) throws {
    id = try record.value("id")
    image = try record.value("image")
    imageSha256 = try record.value("image_sha256")
    inputs = try record.value("inputs")
    outputs = try record.value("outputs")
    answers = try record.value("answers")
  }
}

extension Golden: RecordReadable {
  static let keys = ["cases", "layers"]

  init(_ record: Record) throws {
    cases = try record.value("cases")
    _ = try record.value("layers", or: [JSON]())
  }
}
