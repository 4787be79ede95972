/// How many rows and columns some columns have together.
struct RowForm: Equatable {
  let rows: Int
  let count: Int
}

/// The highest number of a place, a side or a count in a decoder.
let mostPlaces = 1 << 20

/// The form of several columns, one after the other; `what` is what messages call them.
///
/// - Throws: `SpecError` if they are none of the head's outputs, or do not fit in them, or have unequal counts.
func rowForm(_ columns: [Columns], _ form: HeadForm, _ what: String) throws -> RowForm {
  let forms = try columns.map { try rowForm($0, form, what) }
  guard let first = forms.first else { throw SpecError("its decoder has no \(what)") }
  if forms.contains(where: { $0.count != first.count }) {
    throw SpecError("the \(what) of its decoder have different numbers of columns")
  }
  return RowForm(rows: forms.reduce(0) { $0 + $1.rows }, count: first.count)
}

private func rowForm(_ columns: Columns, _ form: HeadForm, _ what: String) throws -> RowForm {
  try checkRange(columns, what)
  guard let shape = form.shape(of: columns.output) else {
    throw SpecError("the \(what) of its decoder are of '\(columns.output)', which is no output of the head")
  }
  if shape.count < 2 { throw SpecError("the \(what) of its decoder need an output with a channel axis, got \(shape)") }
  let channels = columns.channels == .second ? shape[1] : shape[shape.count - 1]
  let width = columns.width ?? channels
  let end = columns.count.map { columns.first + $0 } ?? width
  if channels % width != 0 || end <= columns.first || end > width {
    throw SpecError("the \(what) of its decoder do not fit in the \(channels) channels of '\(columns.output)'")
  }
  return RowForm(rows: shape.dropFirst().reduce(1, *) / width, count: end - columns.first)
}

private func checkRange(_ columns: Columns, _ what: String) throws {
  let sides = [columns.count, columns.width].compactMap { $0 }
  if (0...mostPlaces).contains(columns.first) && sides.allSatisfy((1...mostPlaces).contains) { return }
  throw SpecError("the columns of the \(what) of its decoder must be in 0..\(mostPlaces), and at least one of them")
}

/// Reads rows of numbers from a head's outputs as `Columns` say; several are one after the other. Allocates nothing.
struct RowReader {
  /// How many rows there are.
  let rows: Int

  /// How many numbers a row has.
  let count: Int

  private let parts: [Part]

  /// A reader of columns that were checked; nil where there are none.
  init?(_ columns: [Columns], _ setting: HeadSetting) {
    if columns.isEmpty { return nil }
    parts = columns.map { Part($0, setting) }
    rows = parts.reduce(0) { $0 + $1.rows }
    count = parts[0].count
  }

  /// One number.
  func number(_ outputs: [Memory<Float>], _ row: Int, _ column: Int) -> Float {
    let (part, inner) = find(row)
    return outputs[parts[part].place][parts[part].start(inner) + column * parts[part].step]
  }

  /// Fill `values` with a row.
  func read(_ outputs: [Memory<Float>], _ row: Int, into values: Memory<Float>) {
    let (part, inner) = find(row)
    let step = parts[part].step
    let output = outputs[parts[part].place]
    gather(output, from: parts[part].start(inner), step: step, count: count, into: values)
  }

  /// The columns that a row belongs to, and its number among theirs.
  private func find(_ row: Int) -> (part: Int, row: Int) {
    var (part, left) = (0, row)
    while left >= parts[part].rows {
      left -= parts[part].rows
      part += 1
    }
    return (part, left)
  }

  private struct Part {
    let place: Int
    let rows: Int
    let count: Int
    /// How far apart the numbers of a row lie.
    let step: Int

    private let channels: Int
    private let cells: Int
    private let width: Int
    private let first: Int
    private let isSecond: Bool

    init(_ columns: Columns, _ setting: HeadSetting) {
      guard let number = setting.form.spec.outputs.firstIndex(of: columns.output) else {
        preconditionFailure("checked when the manifest was read")
      }
      let shape = setting.form.shapes[number]
      isSecond = columns.channels == .second
      channels = isSecond ? shape[1] : shape[shape.count - 1]
      cells = shape.dropFirst().reduce(1, *) / channels
      width = columns.width ?? channels
      first = columns.first
      count = columns.count ?? width - first
      rows = cells * (channels / width)
      step = isSecond ? cells : 1
      place = setting.places[number]
    }

    /// Where a row's first number lies. All of a row are in one cell, as the channels are whole rows.
    func start(_ row: Int) -> Int {
      isSecond ? (row * width % channels + first) * cells + row * width / channels : row * width + first
    }
  }
}
