private let gap = 8.0  // columns this many times smaller than the largest of their group are of another kind
private let floorShare = 1e-5  // of the largest column's scale; what is smaller is noise beside it
private let matters = 0.05  // of the widest range among columns of one scale; what moves less is as good as constant
private let still = 1e-6  // of a column's own magnitude; what moves less is rounding
private let mostColumns = 1024
private let channelsFirst = 8  // an axis this many times shorter than the last one holds the columns: (1, 84, 8400)
private let enough = 5  // samples that a class must be chosen for before its absence says something
private let shownColumns = 4  // of a scattered set

/// Sums over the values of one output, by column where columns may be of different kinds: boxes of 0..640 beside scores of 0..1
/// hide in one ratio that the scores are wrong. The constants are those of Python's `edgecv_converters.parity.parts`.
struct OutputSums {
  private let name: String
  private let axis: Int?
  private let stride: Int
  private var referencePower: [Double]
  private var errorPower: [Double]
  private var source: [Span]
  private var artifact: [Span]

  /// `byColumn` is false for the output of a head that decides something: its columns are of one kind.
  init(_ name: String, _ shape: [Int], byColumn: Bool) {
    self.name = name
    axis = byColumn ? columnAxis(shape) : nil
    let count = axis.map { shape[$0] } ?? 1
    stride = axis.map { shape[($0 + 1)...].reduce(1, *) } ?? 1
    referencePower = [Double](repeating: 0, count: count)
    errorPower = referencePower
    source = [Span](repeating: Span(), count: count)
    artifact = source
  }

  /// Take in one sample, whose values are finite.
  mutating func add(_ reference: [Float], _ candidate: [Float]) {
    for i in reference.indices {
      let column = i / stride % referencePower.count
      let expected = Double(reference[i])
      let got = Double(candidate[i])
      referencePower[column] += expected * expected
      errorPower[column] += (expected - got) * (expected - got)
      source[column].add(expected)
      artifact[column].add(got)
    }
  }

  /// The groups of columns of one scale, the one of the largest first; one group where all are of one.
  var parts: [PartComparison] {
    let groups = groups
    return groups.map { columns in
      let reference = columns.reduce(0) { $0 + referencePower[$1] }
      let error = columns.reduce(0) { $0 + errorPower[$1] }
      return PartComparison(
        part: groups.count == 1 ? name : name + placeWords(columns),
        snrDb: signalToNoise(reference, error),
        constant: constant(columns))
    }
  }

  private var groups: [[Int]] {
    let scale = referencePower.map { $0.squareRoot() }
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
  private func constant(_ columns: [Int]) -> [String] {
    let widest = columns.reduce(0) { max($0, source[$1].width) }
    return columns.filter { column in
      let wanted = source[column].width
      return wanted > matters * widest && wanted > still * source[column].magnitude && artifact[column].width == 0
    }.map { axis == nil ? name : "\(name)[\($0)]" }
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
}

/// The axis that counts the columns: the last one, or in (1, 84, 8400) the second; nil where there are too many, or one alone.
private func columnAxis(_ shape: [Int]) -> Int? {
  if shape.count < 2 { return nil }
  let isSecond = shape.count == 3 && channelsFirst * shape[1] < shape[2]
  let axis = isSecond ? 1 : shape.count - 1
  return (2...mostColumns).contains(shape[axis]) ? axis : nil
}

/// Columns as an index: `[0:4]`, `[7]`, or the first few of a scattered set.
func placeWords(_ columns: [Int]) -> String {
  guard let first = columns.first, let last = columns.last else { return "" }
  if last - first + 1 == columns.count { return first == last ? "[\(first)]" : "[\(first):\(last + 1)]" }
  let listed = columns.prefix(shownColumns).map(String.init).joined(separator: ", ")
  return "[\(listed)\(columns.count > shownColumns ? ", ..." : "")]"
}

/// The decisions of a head that makes some, counted: how often both agree, and which answers the artifact never gives.
struct HeadCounts {
  private let head: Head
  private var count = 0
  private var agreed = 0
  private var source: [Decision: Int] = [:]
  private var artifact: Set<Decision> = []

  private struct Decision: Hashable {
    let place: Int
    let value: Int
  }

  init(_ head: Head) { self.head = head }

  /// Take in all outputs of one sample, which may all be finite or not; returns true where both decide the same.
  mutating func add(_ reference: [[Float]], _ candidate: [[Float]], isWhole: Bool) throws -> Bool {
    let wanted = try decisions(reference)
    let got = try decisions(candidate)
    for decision in wanted ?? [] { source[decision, default: 0] += 1 }
    artifact.formUnion(got ?? [])
    let isSame = isWhole && wanted == got
    count += 1
    if isSame { agreed += 1 }
    return isSame
  }

  /// The decisions on one sample; nil where its output is not finite.
  private func decisions(_ outputs: [[Float]]) throws -> [Decision]? {
    let output = outputs[head.place]
    return isFinite(output) ? try head.decisions(output).enumerated().map(Decision.init) : nil
  }

  var result: HeadComparison {
    HeadComparison(head: head.spec.name, agreement: Double(agreed) / Double(max(1, count)), never: never.sorted())
  }

  private var never: [String] {
    source.filter { $0.value >= enough && !artifact.contains($0.key) }.keys.map { decision in
      if head.type.isOneClass { return head.spec.label(decision.value) }
      return "\(head.spec.label(decision.place)): \(decision.value == 1 ? "yes" : "no")"
    }
  }
}
