import Testing

/// A place in bundle.json, what stands there instead (nil: the key is gone), and what must be said.
struct Change: Sendable, CustomTestStringConvertible {
  let place: String
  let value: String?
  let words: String
  let bundle: String

  init(_ place: String, _ value: String?, _ words: String, bundle: String = "digits") {
    self.place = place
    self.value = value
    self.words = words
    self.bundle = bundle
  }

  var testDescription: String { "\(bundle): \(place) = \((value ?? "").prefix(60))" }
}

private let listed = #""sha256": "0000000000000000000000000000000000000000000000000000000000000000", "bytes": 7"#
private let head = #"{"name": "digit", "kind": "classification", "outputs": ["digit"]}"#
private let kinds =
  "classification, binary, multilabel, regression, detection, segmentation, keypoints, image, embedding"
private let other = #"{"name": "kind", "kind": "classification", "outputs": ["kind"]}"#

/// What `MalformedBundleTest.kt` refuses, in the same words.
let changes: [Change] = [
  Change("schema_version", nil, "has no schema_version"),
  Change("schema_version", "0", "has no schema_version"),
  Change("schema_version", "\"2\"", "has no schema_version"),
  Change("schema_version", "1", "made by an older edgecv: its schema version is 1, this library reads 2"),
  Change("schema_version", "3", "made by a newer edgecv: its schema version is 3, this library reads 2"),
  Change("colour", "1", "unknown key 'colour' at $"),
  Change("artifacts.0.sha512", "1", "unknown key 'sha512' at $.artifacts[0]"),
  Change("preprocess.image.resize.antialias", "true", "unknown key 'antialias' at $.preprocess.image.resize"),
  Change("preprocess", nil, "'preprocess' is missing at $"),
  Change("preprocess", "{}", "does not say how the input 'image' is preprocessed"),
  Change("labels", nil, "'labels' is missing at $"),
  Change("golden.count", nil, "'count' is missing at $.golden"),
  Change("name", "7", "$.name must be a string, got 7"),
  Change("name", "null", "$.name must be a string, got null"),
  Change("labels", "\"none\"", "$.labels must be an array"),
  Change("heads", nil, "'heads' is missing at $"),
  Change("heads", "[]", "lists no heads"),
  Change("heads", "{}", "$.heads must be an array"),
  Change("heads.0.kind", "\"a kind\"", "$.heads[0].kind must be one of \(kinds), got \"a kind\""),
  Change("heads.0.kind", "7", "$.heads[0].kind must be one of"),
  Change("heads.0.kind", nil, "'kind' is missing at $.heads[0]"),
  Change("heads.0.colour", "1", "unknown key 'colour' at $.heads[0]"),
  Change("heads.0.outputs", "[]", "the head 'digit': it has no output"),
  Change("heads.0.outputs", "[\"digit\", \"digit\"]", "the output 'digit' belongs to several heads"),
  Change(
    "heads", #"[{"name": "size+kind", "kind": "regression", "outputs": ["size", "kind"]}]"#,
    "the kind regression has one output, got 2", bundle: "two_by_two"),
  Change("heads.0.outputs.0", "\"depth\"", "it has the output 'depth', which the model has not"),
  Change("heads", "[\(head), \(head)]", "lists the head 'digit' twice"),
  Change("heads.1.outputs.0", "\"kind\"", "the output 'kind' belongs to several heads", bundle: "two_by_two"),
  Change("heads", "[\(other)]", "the output 'size' belongs to no head", bundle: "two_by_two"),
  Change(
    "heads", #"[{"name": "size", "kind": "regression", "outputs": ["size"]}, \#(other)]"#,
    "its heads are not in the order of their outputs", bundle: "two_by_two"),
  Change("heads.0.labels", "[]", "its list of labels is empty", bundle: "regression"),
  Change("artifacts.0", #"{"target": "openvino", "file": "../x", \#(listed)}"#, "names the path '../x', which leaves it"),
  Change("artifacts.0", #"{"target": "openvino", "file": "x", "sha256": "7", "bytes": 7}"#, "has the digest '7'"),
  Change("artifacts.0", #"{"target": "openvino", \#(listed)}"#, "an artifact for openvino: "),
  Change("heads.0.thresholds", "[1.5]", "thresholds must be in 0..1, got [1.5]", bundle: "multilabel"),
  Change("heads.0.thresholds", "[]", "thresholds must be in 0..1", bundle: "multilabel"),
  Change("heads.0.thresholds", "[0.1, 0.2]", "thresholds must be one, or one for each of 3 labels, got 2", bundle: "multilabel"),
  Change("artifacts.0.target", "\"ONNX Runtime\"", "$.artifacts[0].target must be one of tflite, onnx, coreml"),
  Change("artifacts.0.bytes", "\"12\"", "$.artifacts[0].bytes must be a whole number, got \"12\""),
  Change("artifacts.0.bytes", "1.5", "$.artifacts[0].bytes must be a whole number, got 1.5"),
  Change("artifacts.0.inputs.0.by_label", "\"true\"", "must be true or false, got \"true\""),
  Change("artifacts.0.inputs", "{}", "$.artifacts[0].inputs must be an array"),
  Change("provenance.recipe", "[]", "$.provenance.recipe must be an object"),
  Change("heads.0.thresholds", "[\"half\"]", "must be a number, got \"half\""),
  Change("heads.0.thresholds", "[0.5]", "the kind classification has no thresholds, got [0.5]"),
  Change("artifacts", "[]", "lists no artifacts"),
  Change("inputs", "[]", "lists no inputs"),
  Change("artifacts.0.file", "\"../model.onnx\"", "names the path '../model.onnx', which leaves it"),
  Change("artifacts.0.file", "\"/model.onnx\"", "which leaves it"),
  Change("artifacts.0.file", "\"a\\\\b\"", "which leaves it"),
  Change("artifacts.0.file", "\"C:model.onnx\"", "which leaves it"),
  Change("golden.file", "\"golden/../../golden.json\"", "which leaves it"),
  Change("artifacts.0.precision", "\"INT 8\"", "has the precision 'INT 8'"),
  Change("artifacts.0.inputs.0.name", "\"picture\"", "are not the model's in bundle.json"),
  Change("artifacts.0.outputs", "[]", "are not the model's in bundle.json"),
  Change("artifacts.0.inputs.0.dtype", "\"int4\"", "has the dtype 'int4'"),
  Change("artifacts.0.inputs.0.shape", "[]", "has the shape []"),
  Change("artifacts.0.inputs.0.shape.0", "0", "has the shape [0, 16, 16, 1]"),
  Change("artifacts.0.inputs.0.shape", "[65536, 65536, 65536, 65536]", "has the shape"),
  Change("artifacts.0.inputs.0.quantization", "{\"scale\": 0, \"zero_point\": 0}", "the scale of 'image'"),
  Change("artifacts.0.inputs.0.quantization", "{\"scale\": -1.0, \"zero_point\": 0}", "must be over 0"),
  Change("artifacts.0.inputs.0.shape", "[1, 16, 16]", "has the shape [1, 16, 16], the model's is [1, 16, 16, 1]"),
  Change("artifacts.0.inputs.0.shape", "[1, 1, 16, 16]", "the model's is [1, 16, 16, 1]"),
  Change("artifacts.0.inputs.0.shape.0", "2", "have the batches 1, 2"),
  Change("artifacts.0.outputs.0.shape", "[1, 9]", "has the shape [1, 9]"),
  Change("artifacts.0.inputs.0.tensor", "\"\"", "has no tensor's name"),
  Change("artifacts.0.inputs.0.dtype", "\"int8\"", "is int8 without a scale"),
  Change("artifacts.0.inputs.0.quantization", "{\"scale\": 1e-50, \"zero_point\": 0}", "the scale of 'image'"),
  Change("artifacts.0.inputs.0.quantization", "{\"scale\": 1.0, \"zero_point\": 0}", "which has no scale"),
  Change("artifacts.0.precision", "\"velvet\"", "has the precision 'velvet'"),
  Change("artifacts.0.precision", "\"palette4-group8\"", "has the precision 'palette4-group8'"),
  Change("artifacts.0.bytes", "-1", "negative number of bytes"),
  Change("artifacts.0.sha256", "\"../x\"", "has the digest '../x'"),
  Change("artifacts.0.file", "\"tflite/\\u0000x\"", "which no file can have"),
  Change("artifacts.0.file", "\"\(String(repeating: "x", count: 256))\"", "which is too long"),
  Change("artifacts.0.file", "\"tflite/\(String(repeating: "x", count: 100_000))\"", "(100007 letters)', which is too long"),
  Change("golden.file", "\".\"", "which leaves it"),
  Change("labels", "[\"a\"]", "its labels are not those of its first head with labels"),
  Change("labels", "null", "its labels are not those of its first head with labels", bundle: "colours"),
  Change("heads.0.labels", "[\"a\"]", "it has 1 labels for 10 answers"),
  Change("inputs.0.shape", "[1, 8, 8, 1]", "the model takes [1, 8, 8, 1]"),
  Change("preprocess.image.size", "[8, 8]", "it gives the shape [1, 8, 8, 1]"),
  Change("preprocess.other", "{}", "preprocesses an input that the model does not have"),
  Change("preprocess.image.size", "null", "preprocess of 'image': it has no size"),
  Change("preprocess.image.size", "[16]", "size must be height and width of at least 1, got [16]"),
  Change("preprocess.image.size", "[0, 16]", "size must be height and width of at least 1, got [0, 16]"),
  Change("preprocess.image.fit.fraction", "0.5", "fit.fraction must be given only with mode = 'crop', got 0.5"),
  Change("preprocess.image.fit.mode", "\"resize_crop\"", "fit.shorter must be given with mode = 'resize_crop'"),
  Change("preprocess.image.fit", "{\"mode\": \"resize_crop\", \"shorter\": 0}", "fit.shorter must be 1 to 65536 pixels, got 0"),
  Change("preprocess.image.fit", "{\"mode\": \"crop\", \"fraction\": 1.5}", "fit.fraction must be over 0 and at most 1, got 1.5"),
  Change("preprocess.image.fit", "{\"mode\": \"letterbox\", \"pad\": [256]}", "fit.pad must be values in 0..255, got [256]"),
  Change("preprocess.image.fit", "{\"mode\": \"letterbox\", \"pad\": [1, 2]}", "fit.pad must be 1 or 1 values, got [1, 2]"),
  Change("preprocess.image.normalize", "{\"scale\": [0.0]}", "normalize.scale must be other than zero"),
  Change("preprocess.image.normalize", "{\"scale\": []}", "normalize.scale must be finite numbers of float32"),
  Change("preprocess.image.normalize", "{\"scale\": [1e39]}", "normalize.scale must be finite numbers of float32"),
  Change("preprocess.image.normalize", "{\"offset\": [1, 2]}", "normalize.offset must be 1 or 1 values"),
  Change("preprocess.image.normalize.preset", "\"imagenet\"", "normalize.preset must be one of none, rescale, tf, torch, caffe"),
  Change("preprocess.image.normalize.preset", "\"tf\"", "normalize.scale must be [0.007843138] with normalize.preset = 'tf'"),
  Change("preprocess.image.kind", "\"tensor\"", "left out with kind = 'tensor'"),
]
