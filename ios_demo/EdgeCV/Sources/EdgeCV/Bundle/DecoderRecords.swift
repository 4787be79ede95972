/// How decoders are read: a record of one of several forms, which its key `form` names. The keys stand in the order of the JSON
/// Schema.

private let boxKeys = [
  "scores", "boxes", "objectness", "background", "classes", "overlap", "agnostic", "before", "most",
]

/// The forms of decoders, in the words of `form`.
private enum DecoderForm: String, CaseIterable, FieldReadable {
  case boxes
  case ssd
  case grid
  case anchors
  case center
  case planes
  case coordinates
  case heatmaps
  case pixels

  /// The keys of a record of this form, beside `form` itself.
  var keys: [String] {
    switch self {
    case .boxes: boxKeys + ["numbers", "class_count", "order", "unit"]
    case .ssd: boxKeys + ["levels", "order", "variances", "centre", "largest"]
    case .grid: boxKeys + ["levels", "bins", "centre"]
    case .anchors: boxKeys + ["levels", "stretch", "growth"]
    case .center: boxKeys + ["levels", "offsets", "window"]
    case .planes: ["kernel"]
    case .coordinates: ["points", "scores", "order", "unit", "skeleton"]
    case .heatmaps: ["centre", "skeleton"]
    case .pixels: ["low", "high"]
    }
  }
}

extension HeadDecoder: FieldReadable {
  init(_ field: Field) throws {
    guard case .object(let members) = field.value else { throw field.refused("an object") }
    guard let said = members["form"] else {
      throw BundleError("\(field.name): 'form' is missing at \(field.place)", makeAnew)
    }
    let form = try DecoderForm(Field(value: said, place: "\(field.place).form", name: field.name))
    let record = try Record(field, keys: ["form"] + form.keys)
    switch form {
    case .planes: self = .planes(try record.value("kernel", or: .bilinear))
    case .coordinates: self = .coordinates(try PointColumns(record))
    case .heatmaps:
      self = .heatmaps(centre: try record.value("centre", or: 0.5), skeleton: try record.value("skeleton", or: []))
    case .pixels: self = .pixels(low: try record.value("low", or: 0), high: try record.value("high", or: 1))
    case .boxes, .ssd, .grid, .anchors, .center:
      self = .boxes(try BoxDecoder(record, BoxForm(record, form), isDecoded: form == .boxes))
    }
  }
}

extension BoxForm {
  fileprivate init(_ record: Record, _ form: DecoderForm) throws {
    switch form {
    case .ssd:
      self = .offsets(
        order: try record.value("order", or: .xywh), variances: try record.value("variances", or: [0.1, 0.1, 0.2, 0.2]),
        centre: try record.value("centre", or: 0.5), largest: try record.value("largest", or: nil))
    case .grid: self = .distances(bins: try record.value("bins", or: 1), centre: try record.value("centre", or: 0.5))
    case .anchors:
      self = .anchors(stretch: try record.value("stretch", or: 1), growth: try record.value("growth", or: .exp))
    case .center:
      self = .centers(offsets: try record.value("offsets", or: []), window: try record.value("window", or: 3))
    case .boxes, .planes, .coordinates, .heatmaps, .pixels:
      self = .decoded(order: try record.value("order", or: .xyxy), unit: try record.value("unit", or: .pixels))
    }
  }
}

extension BoxDecoder {
  fileprivate init(_ record: Record, _ form: BoxForm, isDecoded: Bool) throws {
    self.form = form
    scores = try record.value("scores")
    boxes = try record.value("boxes")
    objectness = try record.value("objectness", or: [])
    background = try record.value("background", or: nil)
    classes = try record.value("classes", or: .all)
    overlap = try record.value("overlap", or: 0.5)
    agnostic = try record.value("agnostic", or: false)
    before = try record.value("before", or: 1000)
    most = try record.value("most", or: 100)
    levels = isDecoded ? [] : try record.value("levels")
    numbers = isDecoded ? try record.value("numbers", or: []) : []
    classCount = isDecoded ? try record.value("class_count", or: nil) : nil
  }
}

extension PointColumns {
  fileprivate init(_ record: Record) throws {
    points = try record.value("points")
    scores = try record.value("scores", or: nil)
    order = try record.value("order", or: .xy)
    unit = try record.value("unit", or: .pixels)
    skeleton = try record.value("skeleton", or: [])
  }
}

extension Columns: RecordReadable {
  static let keys = ["output", "first", "count", "width", "channels"]

  init(_ record: Record) throws {
    output = try record.value("output")
    first = try record.value("first", or: 0)
    count = try record.value("count", or: nil)
    width = try record.value("width", or: nil)
    channels = try record.value("channels", or: .last)
  }
}

extension Level: RecordReadable {
  static let keys = ["grid", "stride", "sizes"]

  init(_ record: Record) throws {
    grid = try record.value("grid")
    stride = try record.value("stride")
    sizes = try record.value("sizes", or: [])
  }
}
