/// Labels with a score and a box each, in the pixels of the picture.
final class Detection: PlaceHead {
  static var decidesByThreshold: Bool { true }

  let setting: HeadSetting
  private let isAgnostic: Bool
  private let background: Int?
  private let limit: Float?
  private let most: Int
  private let decoder: BoxDecoder
  private let boxes: RowReader
  private let offsets: RowReader?
  private let cells: Cells
  private let best: Candidates
  private let forms: BoxForms
  private let sides: Memory<Float>
  private let inner: Memory<Float>?
  private let held: FoundBoxes
  private let whole: PicturePlace

  init(_ setting: HeadSetting) {
    guard case .boxes(let decoder)? = setting.form.spec.decode, let scores = RowReader(decoder.scores, setting),
      let boxes = RowReader(decoder.boxes, setting)
    else { preconditionFailure("checked when the manifest was read") }
    self.setting = setting
    self.decoder = decoder
    self.boxes = boxes
    (isAgnostic, background, limit) = (decoder.agnostic, decoder.background, decoder.overlap.map { Float($0) })
    let classes = decoder.classCount ?? scores.count
    most = min(decoder.most, decoder.before, scores.rows * classes)
    offsets = RowReader(decoder.offsets, setting)
    cells = Cells(decoder.levels)
    let thresholds = Detection.thresholds(setting.form.spec.thresholds, decoder.background, classes)
    let objectness = RowReader(decoder.objectness, setting)
    let numbers = RowReader(decoder.numbers, setting)
    best = Candidates(decoder, setting.activation, scores, objectness, numbers, thresholds, cells)
    let canvas = setting.form.picture
    forms = BoxForms(decoder.form, cells, canvas)
    sides = Memory(repeating: 0, count: boxes.count)
    inner = offsets.map { Memory(repeating: 0, count: $0.count) }
    held = FoundBoxes(most: most)
    whole = PicturePlace(height: canvas.height, width: canvas.width)
  }

  /// One for each class; NaN for the background.
  private static func thresholds(_ given: [Double], _ background: Int?, _ columns: Int) -> [Float] {
    (0..<columns).map { column in
      if column == background { return .nan }
      let label = column > background ?? columns ? column - 1 : column
      return Float(given[label % given.count])
    }
  }

  func answer() -> LiveAnswer { LiveBoxes(spec, most: most) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    try checkFinite(outputs)
    guard let answer = answer as? LiveBoxes else { preconditionFailure("an answer of another head") }
    find(outputs, into: held)
    place(held, picture ?? whole, into: answer)
  }

  /// Find the boxes of one sample in the pixels of the model's input.
  private func find(_ outputs: [Memory<Float>], into kept: FoundBoxes) {
    kept.clear()
    best.find(outputs)
    for place in 0..<best.count where kept.count < most {
      let label = best.label(place)
      let isBox = kept.store(decoded(outputs, best.row(place)))
      if isBox && !isSuppressed(kept, label) { kept.keep(label, best.score(place), best.row(place)) }
    }
    guard let background else { return }
    for i in 0..<kept.count where kept.labels[i] > background { kept.labels[i] -= 1 }
  }

  private func decoded(_ outputs: [Memory<Float>], _ row: Int) -> Sides {
    cells.seek(row)
    boxes.read(outputs, row, into: sides)
    if let offsets, let inner { offsets.read(outputs, row, into: inner) }
    return forms.decode(sides, inner)
  }

  /// Says whether a better box overlaps the one behind the last by too much.
  private func isSuppressed(_ kept: FoundBoxes, _ label: Int) -> Bool {
    guard let limit else { return false }
    for i in 0..<kept.count where isAgnostic || kept.labels[i] == label {
      if kept.overlap(i, kept, kept.count) > limit { return true }
    }
    return false
  }

  /// Bring boxes to the picture, cut at its borders; those outside are left out.
  private func place(_ found: FoundBoxes, _ picture: PicturePlace, into answer: LiveBoxes) {
    answer.clear()
    for i in 0..<found.count {
      let at = cornerCount * i
      let left = clip(picture.x(Double(found.corners[at])), picture.width)
      let top = clip(picture.y(Double(found.corners[at + 1])), picture.height)
      let right = clip(picture.x(Double(found.corners[at + 2])), picture.width)
      let bottom = clip(picture.y(Double(found.corners[at + 3])), picture.height)
      if right > left && bottom > top {
        answer.add(
          Answer.Box(
            index: found.labels[i], score: found.scores[i], left: left, top: top, right: right, bottom: bottom))
      }
    }
  }

  private func clip(_ place: Double, _ end: Int) -> Float { Float(place > 0 ? min(place, Double(end)) : 0) }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    let placed = LiveBoxes(spec, most: most)
    find(outputs, into: held)
    place(held, picture ?? whole, into: placed)
    let boxes = (0..<placed.count).map(placed.box)
    let rows = boxes.flatMap { [$0.left, $0.top, $0.right, $0.bottom, $0.score] }
    return Recorded(boxes.map(\.index), [1, boxes.count, cornerCount + 1], rows)
  }

  func comparison() -> (any AnswerCounts)? {
    BoxCounts(spec) { [self] in found($0) }
  }

  /// The boxes of one sample in the pixels of the model's input.
  private func found(_ outputs: [Memory<Float>]) -> FoundBoxes {
    let kept = FoundBoxes(most: most)
    find(outputs, into: kept)
    return kept
  }

  var sorts: Bool { !decoder.numbers.isEmpty }

  func paired(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> [PairedRow] {
    let given = [decoder.boxes, decoder.scores, decoder.objectness, decoder.numbers].filter { !$0.isEmpty }
    let parts = given.sorted { $0[0].first < $1[0].first }
    let (wanted, got) = (found(reference), found(candidate))
    return matches(wanted, got).flatMap { ours, theirs in
      zip(spec.outputs, setting.places).compactMap { output, place in
        let readers = parts.filter { $0[0].output == output }.compactMap { RowReader($0, setting) }
        if readers.isEmpty { return nil }
        let (before, after) = (row(readers, reference, wanted.rows[ours]), row(readers, candidate, got.rows[theirs]))
        return PairedRow(place: place, reference: before, candidate: after)
      }
    }
  }

  private func row(_ readers: [RowReader], _ outputs: [Memory<Float>], _ row: Int) -> [Float] {
    readers.flatMap { reader in (0..<reader.count).map { reader.number(outputs, row, $0) } }
  }

  static func decodes(_ decoder: HeadDecoder) -> Bool { if case .boxes = decoder { true } else { false } }

  static func checkDecoder(_ form: HeadForm) throws {
    try checkForm(form)
    if case .boxes(let decoder)? = form.spec.decode { try BoxRules(form: form, decoder: decoder).check() }
  }

  /// The number of classes, without the background.
  static func answerCount(_ form: HeadForm) throws -> Int {
    guard case .boxes(let decoder)? = form.spec.decode else { return 0 }
    let classes = try decoder.classCount ?? rowForm(decoder.scores, form, "scores").count
    return classes - (decoder.background == nil ? 0 : 1)
  }

  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(most) }
}
