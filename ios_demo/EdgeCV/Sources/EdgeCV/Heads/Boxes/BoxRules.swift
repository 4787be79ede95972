/// The rules that a decoder of boxes must keep: its columns and levels fit the outputs and each other.
struct BoxRules {
  let form: HeadForm
  let decoder: BoxDecoder

  /// See that they do.
  ///
  /// - Throws: `SpecError` if they do not.
  func check() throws {
    let scores = try rowForm(decoder.scores, form, "scores")
    let columns = decoder.classCount ?? scores.count
    try checkNumbers()
    try checkNumbered(scores)
    try checkRows("boxes", RowForm(rows: scores.rows, count: decoder.numberCount), decoder.boxes)
    for (name, columns, count) in [("objectness", decoder.objectness, 1), ("offsets", decoder.offsets, 2)] {
      if !columns.isEmpty { try checkRows(name, RowForm(rows: scores.rows, count: count), columns) }
    }
    try checkLevels(scores.rows)
    if let background = decoder.background, !(0..<columns).contains(background) {
      throw SpecError("the background of its decoder must be in 0..\(columns - 1), got \(background)")
    }
    if decoder.background != nil && columns == 1 { throw SpecError("its decoder has no class beside the background") }
    if let overlap = decoder.overlap, !(0...1).contains(overlap) {
      throw SpecError("the overlap of its decoder must be in 0..1, got \(overlap)")
    }
  }

  private func checkNumbered(_ scores: RowForm) throws {
    if decoder.numbers.isEmpty != (decoder.classCount == nil) {
      throw SpecError("its decoder needs both the numbers of classes and the class_count, or neither")
    }
    guard let classes = decoder.classCount else { return }
    try checkRows("numbers", RowForm(rows: scores.rows, count: 1), decoder.numbers)
    try checkRows("scores", RowForm(rows: scores.rows, count: 1), decoder.scores)
    if !(1...mostPlaces).contains(classes) || scores.rows * classes > Int(Int32.max) {
      throw SpecError("its decoder has \(classes) classes of \(scores.rows) boxes, which are none or too many")
    }
  }

  private func checkNumbers() throws {
    var numbers = [("before", decoder.before), ("most", decoder.most)]
    switch decoder.form {
    case .distances(let bins, _): numbers.append(("bins", bins))
    case .centers(_, let window): numbers.append(("window", window))
    case .offsets(_, let variances, _, _):
      if variances.count != cornerCount {
        throw SpecError("the variances of its decoder are \(cornerCount) numbers, got \(variances)")
      }
    case .decoded, .anchors: break
    }
    for (name, number) in numbers where !(1...mostPlaces).contains(number) {
      throw SpecError("the \(name) of its decoder must be in 1..\(mostPlaces), got \(number)")
    }
  }

  private func checkRows(_ name: String, _ wanted: RowForm, _ columns: [Columns]) throws {
    let found = try rowForm(columns, form, name)
    if found == wanted { return }
    throw SpecError(
      "the \(name) of its decoder must be \(wanted.rows) rows of \(wanted.count) columns, "
        + "got \(found.rows) of \(found.count)")
  }

  private func checkLevels(_ rows: Int) throws {
    if case .decoded = decoder.form { return }
    if decoder.levels.isEmpty { throw SpecError("its decoder has no levels") }
    for level in decoder.levels { try checkLevel(level) }
    let places = decoder.levels.reduce(0.0) { $0 + Double($1.grid[0]) * Double($1.grid[1]) * Double(max(1, $1.sizes.count)) }
    if places != Double(rows) {
      throw SpecError("the levels of its decoder have \(general(places, 12)) places for \(rows) boxes")
    }
  }

  private func checkLevel(_ level: Level) throws {
    if level.grid.count != 2 || level.stride.count != 2 || level.sizes.contains(where: { $0.count != 2 }) {
      throw SpecError("the grid, stride and sizes of its decoder's levels are two numbers each")
    }
    if !level.grid.allSatisfy((1...mostPlaces).contains) {
      throw SpecError("the grids of its decoder must be in 1..\(mostPlaces), got \(level.grid)")
    }
    if !(level.stride + level.sizes.flatMap { $0 }).allSatisfy({ $0 > 0 }) {
      throw SpecError("the strides and sizes of its decoder must be over 0")
    }
    if isAnchored == level.sizes.isEmpty {
      throw SpecError("the levels of its decoder \(isAnchored ? "need" : "have") sizes")
    }
  }

  private var isAnchored: Bool {
    switch decoder.form {
    case .offsets, .anchors: true
    case .decoded, .distances, .centers: false
    }
  }
}
