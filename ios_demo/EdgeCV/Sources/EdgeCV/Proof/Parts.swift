private let gap = 8.0  // columns this many times smaller than the largest of their group are of another kind
private let floorShare = 1e-6  // of the largest column's scale; what is smaller is noise beside it
private let matters = 0.05  // of the widest range among columns of one scale; what moves less is as good as constant
private let followed = 0.5  // of that range; where a column that moves so much is lost, a constant would be as near
private let factor = 0.2  // by which a slope may differ from 1
private let explained = 0.95  // of a column's error, from where on the slope is what is wrong
private let several = 20.0  // values like the ones that make a column's spread; the slope of a few says nothing
private let still = 1e-6  // of a column's own magnitude; what moves less is rounding
private let mostColumns = 1024
private let mostChannels = 4  // of a picture
private let shownColumns = 4  // of a scattered set

/// Sums over the values of one output, by column where columns may be of different kinds: boxes of 0..640 beside scores of 0..1
/// hide in one ratio that the scores are wrong. The constants are those of Python's `edgecv_converters.parity.parts`.
struct OutputSums {
  private var columns: [ColumnSums]

  /// `byColumn` is false for the output of a head that decides something: its columns are of one kind.
  init(_ name: String, _ shape: [Int], byColumn: Bool) {
    let axes = byColumn ? columnAxes(shape) : []
    columns = axes.map { ColumnSums(name, $0, shape) }
    if axes.isEmpty { columns = [ColumnSums(name, isNumbers: byColumn)] }
  }

  /// Take in one sample, whose values are finite.
  mutating func add(_ reference: [Float], _ candidate: [Float]) {
    for i in columns.indices { columns[i].add(reference, candidate) }
  }

  /// The groups of columns of one scale, along the axis on which the scales differ most, the first of equal ones; one group
  /// where all are of one. Columns of any other axis that are constant or lost stand with the first group, where those of this
  /// one tell of nothing.
  var parts: [PartComparison] {
    let spreads = columns.map(\.spread)
    guard let most = spreads.max(), let grouped = spreads.firstIndex(of: most) else { return [] }
    let parts = columns[grouped].parts
    if parts.contains(where: { !$0.constant.isEmpty || !$0.lost.isEmpty }) { return parts }
    let more = columns.indices.filter { $0 != grouped }.flatMap { columns[$0].parts }
    let first = PartComparison(
      part: parts[0].part, snrDb: parts[0].snrDb, constant: more.flatMap(\.constant), lost: more.flatMap(\.lost))
    return [first] + parts.dropFirst()
  }
}

/// Sums over the values of one output by its columns along one axis; all values are one column without an axis.
private struct ColumnSums {
  private let name: String
  private let along: String  // the axis in words, where it is not the last one
  private let stride: Int
  private let isWhole: Bool
  private let isNumbers: Bool
  private var values = 0
  private var columns: [Column]

  /// The columns along an axis, whose values mean themselves.
  init(_ name: String, _ axis: Int, _ shape: [Int]) {
    self.name = name
    along = axis == shape.count - 1 ? "" : " along axis \(axis)"
    stride = shape[(axis + 1)...].reduce(1, *)
    isWhole = false
    isNumbers = true
    columns = [Column](repeating: Column(), count: shape[axis])
  }

  /// All values as one column, which can be lost if they mean themselves: what is decided by is judged by its decisions.
  init(_ name: String, isNumbers: Bool) {
    self.name = name
    along = ""
    stride = 1
    isWhole = true
    self.isNumbers = isNumbers
    columns = [Column()]
  }

  mutating func add(_ reference: [Float], _ candidate: [Float]) {
    if values == 0 {
      for i in columns.indices { columns[i].first = Double(reference[i * stride]) }
    }
    values += reference.count / columns.count
    for i in reference.indices { columns[i / stride % columns.count].add(Double(reference[i]), Double(candidate[i])) }
  }

  /// How many times larger the largest scale of a column is than the least that is no noise beside it.
  var spread: Double {
    let scale = columns.map(\.scale)
    let largest = scale.max() ?? 0
    return scale.filter { $0 > floorShare * largest }.min().map { largest / $0 } ?? 1
  }

  /// The groups of columns of one scale, the one of the largest first; one group where all are of one.
  var parts: [PartComparison] {
    let groups = groups
    return groups.map { group in
      let reference = group.reduce(0) { $0 + columns[$1].referencePower }
      let error = group.reduce(0) { $0 + columns[$1].errorPower }
      return PartComparison(
        part: groups.count == 1 ? name : name + placeWords(group),
        snrDb: signalToNoise(reference, error),
        constant: constant(group).map(columnName),
        lost: lost(group).map(columnName))
    }
  }

  private var groups: [[Int]] {
    let scale = columns.map(\.scale)
    let order = scale.indices.sorted { scale[$0] != scale[$1] ? scale[$0] > scale[$1] : $0 < $1 }
    var groups = [[order[0]]]
    for column in order.dropFirst() {
      if scale[column] <= floorShare * scale[order[0]] {
        groups[0].append(column)  // its own power is noise; its error counts among the largest
      } else if scale[groups[groups.count - 1][0]] > gap * scale[column] {
        groups.append([column])
      } else {
        groups[groups.count - 1].append(column)
      }
    }
    return groups.map { $0.sorted() }
  }

  /// The columns that vary in the source and are constant in the artifact.
  private func constant(_ group: [Int]) -> [Int] { moving(group, matters).filter { columns[$0].artifact.width == 0 } }

  /// The columns that follow the source no better than its mean does (their coefficient of determination is at most 0), or by
  /// another factor.
  private func lost(_ group: [Int]) -> [Int] {
    if !isNumbers { return [] }
    let constant = constant(group)
    return moving(group, followed).filter { i in
      !constant.contains(i) && (columns[i].isUnrelated(of: values) || columns[i].isScaled(of: values))
    }
  }

  /// Those columns of one group whose range in the source is over a share of the widest, and no rounding.
  private func moving(_ group: [Int], _ share: Double) -> [Int] {
    let widest = group.reduce(0) { max($0, columns[$1].source.width) }
    return group.filter { i in
      let span = columns[i].source
      return span.width > share * widest && span.width > still * span.magnitude
    }
  }

  private func columnName(_ column: Int) -> String { isWhole ? name : "\(name)[\(column)]\(along)" }
}

/// Sums over the values of one column.
private struct Column {
  /// The source's first value, without which the sums of movements are taken.
  var first = 0.0
  private(set) var referencePower = 0.0
  private(set) var errorPower = 0.0
  private(set) var source = Span()
  private(set) var artifact = Span()
  private var moved = 0.0
  private var movedPower = 0.0
  private var cubes = 0.0
  private var fourths = 0.0
  private var gone = 0.0  // of the artifact
  private var gonePower = 0.0
  private var common = 0.0

  mutating func add(_ expected: Double, _ got: Double) {
    let (move, go) = (expected - first, got - first)
    let square = move * move
    moved += move
    movedPower += square
    cubes += square * move
    fourths += square * square
    gone += go
    gonePower += go * go
    common += move * go
    referencePower += expected * expected
    errorPower += (expected - got) * (expected - got)
    source.add(expected)
    artifact.add(got)
  }

  var scale: Double { referencePower.squareRoot() }

  /// True if the mean of the source's values, of which there are so many, is as near to them as the artifact's are.
  func isUnrelated(of values: Int) -> Bool { errorPower >= movedPower - moved * moved / Double(max(1, values)) }

  /// True if the artifact's values, of which there are so many, are but for their mean the source's times a factor that is not 1.
  func isScaled(of values: Int) -> Bool {
    let count = Double(max(1, values))
    let mean = moved / count
    let (source, theirs) = (movedPower - mean * moved, gonePower - gone * gone / count)
    let together = common - mean * gone
    let slope = together / source
    let (error, rest) = (theirs - 2 * together + source, theirs - slope * together)
    let square = mean * mean
    let fourth = fourths - 4 * mean * cubes + 6 * square * movedPower - 3 * count * (square * square)
    return abs(slope - 1) > factor && rest <= (1 - explained) * error && source * source >= several * fourth
  }
}

/// The least and the highest value of a column.
private struct Span {
  private var low = Double.infinity
  private var high = -Double.infinity

  mutating func add(_ value: Double) {
    low = min(low, value)
    high = max(high, value)
  }

  var width: Double { high - low }

  var magnitude: Double { max(abs(low), abs(high)) }
}

/// The axes that may count columns of different kinds: the last one; the second of (1, 9, 60) or (1, 85, 13, 13). An output of
/// four axes with few channels last, or whose second and third are equal, is a picture or a grid, whose rows are no columns. An
/// axis with one place, or too many, is none.
private func columnAxes(_ shape: [Int]) -> [Int] {
  let last = shape.count - 1
  if last < 1 { return [] }
  let isPicture = shape.count == 4 && (shape[last] <= mostChannels || shape[1] == shape[2])
  let axes = last == 1 || isPicture ? [last] : [last, 1]
  return axes.filter { (2...mostColumns).contains(shape[$0]) }
}

/// Columns as an index: `[0:4]`, `[7]`, or the first few of a scattered set.
func placeWords(_ columns: [Int]) -> String {
  guard let first = columns.first, let last = columns.last else { return "" }
  if last - first + 1 == columns.count { return first == last ? "[\(first)]" : "[\(first):\(last + 1)]" }
  let listed = columns.prefix(shownColumns).map(String.init).joined(separator: ", ")
  return "[\(listed)\(columns.count > shownColumns ? ", ..." : "")]"
}
