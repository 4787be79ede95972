import Foundation

private let mapAxes = 4  // batch, height, width, points
private let quarter = 0.25
private let near = 0.05  // of the object's longer side; points so near are the same

/// Points of one object, in the pixels of the picture.
final class Keypoints: PlaceHead {
  let setting: HeadSetting
  private let decoder: HeadDecoder
  private let count: Int
  private let canvas: Canvas
  private let points: RowReader?
  private let pointScores: RowReader?
  private let pair = Memory<Float>(repeating: 0, count: 2)
  private let input: Memory<Double>  // x and y of each point in the pixels of the model's input
  private let maps: (tall: Int, wide: Int)

  init(_ setting: HeadSetting) {
    guard let decoder = setting.form.spec.decode else { preconditionFailure("checked when the manifest was read") }
    self.setting = setting
    self.decoder = decoder
    canvas = setting.form.picture
    let shape = setting.form.shapes[0]
    if case .coordinates(let columns) = decoder {
      points = RowReader([columns.points], setting)
      pointScores = columns.scores.flatMap { RowReader([$0], setting) }
      maps = (0, 0)
    } else {
      (points, pointScores) = (nil, nil)
      maps = (shape[1], shape[2])
    }
    count = points?.rows ?? shape[shape.count - 1]
    input = Memory(repeating: 0, count: 2 * count)
  }

  func answer() -> LiveAnswer { LivePoints(spec, count: count) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    try checkFinite(outputs)
    guard let answer = answer as? LivePoints else { preconditionFailure("an answer of another head") }
    place(outputs, picture, into: answer)
  }

  private func place(_ outputs: [Memory<Float>], _ picture: PicturePlace?, into answer: LivePoints) {
    find(outputs, scores: answer.values)
    for i in 0..<count {
      let (x, y) = (input[2 * i], input[2 * i + 1])
      answer.places[2 * i] = Float(picture?.x(x) ?? x)
      answer.places[2 * i + 1] = Float(picture?.y(y) ?? y)
    }
  }

  /// Fill `input` and the scores.
  private func find(_ outputs: [Memory<Float>], scores: Memory<Float>) {
    switch decoder {
    case .coordinates(let columns): coordinates(columns, outputs, scores)
    case .heatmaps(let centre, _): for map in 0..<count { peak(centre, outputs[place], map, scores) }
    case .boxes, .planes, .pixels: preconditionFailure("checked when the manifest was read")
    }
    if points == nil || pointScores != nil { activate(scores, setting.activation) }
  }

  private func coordinates(_ columns: PointColumns, _ outputs: [Memory<Float>], _ scores: Memory<Float>) {
    guard let points else { return }
    let isRelative = columns.unit == .relative
    let first = columns.order == .yx ? 1 : 0
    for i in 0..<count {
      points.read(outputs, i, into: pair)
      let (x, y) = (Double(pair[first]), Double(pair[1 - first]))
      input[2 * i] = isRelative ? x * Double(canvas.width) : x
      input[2 * i + 1] = isRelative ? y * Double(canvas.height) : y
      scores[i] = pointScores?.number(outputs, i, 0) ?? 1
    }
  }

  /// The cell with the largest value of a map, moved by a quarter towards the larger one of its two neighbours.
  private func peak(_ centre: Double, _ values: Memory<Float>, _ map: Int, _ scores: Memory<Float>) {
    let (tall, wide) = maps
    var best = 0
    for cell in 1..<max(1, tall * wide) where values[cell * count + map] > values[best * count + map] { best = cell }
    let (row, column) = (best / wide, best % wide)
    let x = Double(column) + quarter * towards(values, map, best, step: 1, column, of: wide)
    let y = Double(row) + quarter * towards(values, map, best, step: wide, row, of: tall)
    input[2 * map] = (x + centre) * Double(canvas.width) / Double(wide)
    input[2 * map + 1] = (y + centre) * Double(canvas.height) / Double(tall)
    scores[map] = values[best * count + map]
  }

  /// 1 or -1 where the neighbour after or before a cell is the larger one; 0 at a border, or where they are equal.
  private func towards(
    _ values: Memory<Float>, _ map: Int, _ cell: Int, step: Int, _ place: Int, of size: Int
  ) -> Double {
    if place == 0 || place == size - 1 { return 0 }
    let (before, after) = (values[(cell - step) * count + map], values[(cell + step) * count + map])
    return after > before ? 1 : after < before ? -1 : 0
  }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    let placed = LivePoints(spec, count: count)
    place(outputs, picture, into: placed)
    let rows = (0..<count).flatMap { [placed.places[2 * $0], placed.places[2 * $0 + 1], placed.values[$0]] }
    return Recorded(nil, [1, count, 3], rows)
  }

  func comparison() -> (any AnswerCounts)? { ShareCounts(spec.name) { [self] in nearness($0, $1) } }

  /// A 1 for each point within a twentieth of the object's longer side, which the source's points span; else a 0.
  private func nearness(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> [Double] {
    let scores = Memory<Float>(repeating: 0, count: count)
    find(reference, scores: scores)
    let wanted = input.array
    find(candidate, scores: scores)
    let size = max(span(wanted, 0), span(wanted, 1))
    let limit = near * (size == 0 ? Double(max(canvas.height, canvas.width)) : size)
    return (0..<count).map { hypot(input[2 * $0] - wanted[2 * $0], input[2 * $0 + 1] - wanted[2 * $0 + 1]) <= limit ? 1 : 0 }
  }

  private func span(_ points: [Double], _ axis: Int) -> Double {
    let places = (0..<count).map { points[2 * $0 + axis] }
    return (places.max() ?? 0) - (places.min() ?? 0)
  }

  static func decodes(_ decoder: HeadDecoder) -> Bool {
    switch decoder {
    case .coordinates, .heatmaps: true
    case .boxes, .planes, .pixels: false
    }
  }

  static func checkDecoder(_ form: HeadForm) throws {
    try checkForm(form)
    if case .coordinates(let columns)? = form.spec.decode {
      try checkCoordinates(form, columns)
    } else if form.shapes.count != 1 || form.shapes[0].count != mapAxes {
      throw SpecError("heat maps are one output of height, width and points, got \(form.shapes)")
    }
    if form.spec.activation == .softmax {
      throw SpecError("the scores of points have no softmax, which is over classes", "Use sigmoid, or none")
    }
    let (last, skeleton) = (try answerCount(form) - 1, form.spec.decode?.skeleton ?? [])
    if !skeleton.allSatisfy({ $0.count == 2 && $0.allSatisfy((0...last).contains) }) {
      throw SpecError("the skeleton of its decoder has pairs of points in 0..\(last), got \(skeleton)")
    }
  }

  private static func checkCoordinates(_ form: HeadForm, _ columns: PointColumns) throws {
    let found = try rowForm([columns.points], form, "points")
    if found.count != 2 { throw SpecError("the points of its decoder have 2 columns, got \(found.count)") }
    guard let scores = columns.scores else { return }
    if try rowForm([scores], form, "scores") != RowForm(rows: found.rows, count: 1) {
      throw SpecError("the scores of its decoder must be \(found.rows) rows of one column")
    }
  }

  /// The number of points.
  static func answerCount(_ form: HeadForm) throws -> Int {
    if case .coordinates(let columns)? = form.spec.decode { return try rowForm([columns.points], form, "points").rows }
    return form.shapes[0].last ?? 0
  }

  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.scores.indices.prefix(most).map(answer.at) }
}
