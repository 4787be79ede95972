/// Where the channels of an output stand: on its last axis, or on the second after the batch.
public enum ChannelAxis: String, CaseIterable, Sendable, FieldReadable {
  case last
  case second
}

/// Some columns of an output, whose values are read as rows: one row for each box, point or cell.
public struct Columns: Equatable, Sendable {
  public let output: String
  /// The first of the columns that are taken.
  public let first: Int
  /// How many are taken; nil: all to the last one.
  public let count: Int?
  /// How many values a row has; nil: those of the whole channel axis.
  public let width: Int?
  public let channels: ChannelAxis
}

/// The cells of one map of features.
public struct Level: Equatable, Sendable {
  /// Its rows and columns.
  public let grid: [Int]
  /// How large a cell is in pixels: down, across.
  public let stride: [Double]
  /// The (width, height) in pixels of the boxes that each cell proposes; without any it has one place.
  public let sizes: [[Double]]
}

/// The classes of a box that are answers: all that reach their threshold, or the best one alone.
public enum BoxClasses: String, CaseIterable, Sendable, FieldReadable {
  case all
  case best
}

/// The meaning of the four numbers of a box.
public enum BoxOrder: String, CaseIterable, Sendable, FieldReadable {
  case xyxy
  case yxyx
  case xywh
  case cxcywh
}

/// The unit of places: pixels of the model's input, or parts of its width and height.
public enum PlaceUnit: String, CaseIterable, Sendable, FieldReadable {
  case pixels
  case relative
}

/// The order of a box's offsets: x before y, or y before x.
public enum OffsetOrder: String, CaseIterable, Sendable, FieldReadable {
  case xywh
  case yxhw
}

/// The way in which a number makes a box larger than its anchor: its exponential, or the square of twice its sigmoid.
public enum Growth: String, CaseIterable, Sendable, FieldReadable {
  case exp
  case square
}

/// The resampling of planes to the pixels of a picture.
public enum PlaneKernel: String, CaseIterable, Sendable, FieldReadable {
  case nearest
  case bilinear
}

/// The order of a point's coordinates.
public enum PointOrder: String, CaseIterable, Sendable, FieldReadable {
  case xy
  case yx
}

/// The way from the numbers of a box to its sides.
public enum BoxForm: Equatable, Sendable {
  /// Boxes that the model decodes itself: their corners, or corner and size, or centre and size.
  case decoded(order: BoxOrder, unit: PlaceUnit)

  /// Offsets from anchor boxes, as SSD and RetinaNet have them. `variances` are what the offsets of x, y, width and height are
  /// multiplied by, `centre` is where in its cell the centre of an anchor is, and `largest` the most that a logarithm of a size
  /// may be.
  case offsets(order: OffsetOrder, variances: [Double], centre: Double, largest: Double?)

  /// Distances from each cell's centre to left, top, right and bottom, in strides, as FCOS and YOLOv8 have them. With `bins` over
  /// 1 each distance is the mean of 0 to bins - 1 by the softmax of so many values.
  case distances(bins: Int, centre: Double)

  /// Offsets by a sigmoid inside a cell and sizes relative to anchors, as YOLOv3, v4 and v5 have them; `stretch` widens the
  /// sigmoid around its middle.
  case anchors(stretch: Double, growth: Growth)

  /// Peaks of a heat map for each class, with a size and an offset at each cell, as CenterNet has them. `offsets` are the (x, y)
  /// from the cell's corner to the centre; a peak is the largest value of `window` rows and columns of cells around it.
  case centers(offsets: [Columns], window: Int)
}

/// The way from a head's outputs to boxes: where scores and boxes stand, and which boxes are answers.
public struct BoxDecoder: Equatable, Sendable {
  public let form: BoxForm
  /// Columns with a value for each class, rows in the order of the boxes; several are one after the other.
  public let scores: [Columns]
  /// Columns with the numbers of each box.
  public let boxes: [Columns]
  /// Columns with one value a box, by which its scores are multiplied.
  public let objectness: [Columns]
  /// The class that stands for nothing, which has no label.
  public let background: Int?
  public let classes: BoxClasses
  /// A box that overlaps a better one by more (intersection over union) is left out; nil keeps all.
  public let overlap: Double?
  /// Whether boxes of different classes suppress each other.
  public let agnostic: Bool
  /// The number of best answers that are looked at.
  public let before: Int
  /// The number of answers to a picture at most.
  public let most: Int
  /// The cells that the rows stand for, level by level; none where boxes are decoded already.
  public let levels: [Level]
  /// Columns with the number of each box's class, from detectors that finish the work: then scores are one a box.
  public let numbers: [Columns]
  /// How many classes there are, the background among them, where they are numbered.
  public let classCount: Int?
}

/// Coordinates of points: `points` has two columns, `scores` one, rows in the order of the labels.
public struct PointColumns: Equatable, Sendable {
  public let points: Columns
  public let scores: Columns?
  public let order: PointOrder
  public let unit: PlaceUnit
  /// The pairs of points between which lines are drawn.
  public let skeleton: [[Int]]
}

/// The way from a head's outputs to boxes, a mask, points or a picture, operation by operation as docs/decoding.md says.
public enum HeadDecoder: Equatable, Sendable {
  case boxes(BoxDecoder)

  /// A plane of values for each class, (height, width, classes), resampled to the picture: its largest one holds; one plane alone
  /// is a probability.
  case planes(PlaneKernel)

  case coordinates(PointColumns)

  /// A map for each point, (height, width, points): the place of its largest value; `centre` is where in its cell a point lies.
  case heatmaps(centre: Double, skeleton: [[Int]])

  /// A picture, (height, width, 1 or 3 channels): `low` is black and `high` white.
  case pixels(low: Double, high: Double)

  /// The pairs of points between which lines are drawn.
  public var skeleton: [[Int]] {
    switch self {
    case .coordinates(let columns): columns.skeleton
    case .heatmaps(_, let skeleton): skeleton
    case .boxes, .planes, .pixels: []
    }
  }
}
