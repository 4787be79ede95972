import Foundation

/// How many numbers a box's corners are: left, top, right and bottom in pixels of the model's input.
let cornerCount = 4

/// The sides of a box in float64.
struct Sides {
  var left = 0.0
  var top = 0.0
  var right = 0.0
  var bottom = 0.0

  init(_ left: Double, _ top: Double, _ right: Double, _ bottom: Double) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  init(aroundX x: Double, y: Double, width: Double, height: Double) {
    self.init(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
  }
}

extension BoxDecoder {
  /// How many numbers there are of each box.
  var numberCount: Int {
    switch form {
    case .distances(let bins, _): cornerCount * bins
    case .centers: 2
    case .decoded, .offsets, .anchors: cornerCount
    }
  }

  /// The columns of the offsets of centres, where the form has some.
  var offsets: [Columns] { if case .centers(let offsets, _) = form { offsets } else { [] } }
}

/// From the numbers of a box to its sides: the arithmetic of each form of decoder, in float64 (docs/decoding.md).
struct BoxForms {
  private let form: BoxForm
  private let cells: Cells
  private let wide: Double
  private let tall: Double
  private let isSwapped: Bool
  private let variances: SIMD4<Double>

  /// `cells` must have been sent to the row of a box before it is decoded.
  init(_ form: BoxForm, _ cells: Cells, _ canvas: Canvas) {
    self.form = form
    self.cells = cells
    var isRelative = false
    switch form {
    case .decoded(let order, let unit):
      (isSwapped, isRelative, variances) = (order == .yxyx, unit == .relative, .one)
    case .offsets(let order, let scale, _, _):
      (isSwapped, variances) = (order == .yxhw, SIMD4(scale[0], scale[1], scale[2], scale[3]))
    case .distances, .anchors, .centers: (isSwapped, variances) = (false, .one)
    }
    wide = isRelative ? Double(canvas.width) : 1
    tall = isRelative ? Double(canvas.height) : 1
  }

  /// The sides of a box of these numbers; `inner` is the offset of the centre in its cell, where the decoder has some.
  func decode(_ values: Memory<Float>, _ inner: Memory<Float>?) -> Sides {
    switch form {
    case .decoded(let order, _): decoded(order, values)
    case .offsets(_, _, let centre, let largest): offsets(values, centre, largest ?? .infinity)
    case .distances(let bins, let centre): distances(values, bins, centre)
    case .anchors(let stretch, let growth): anchors(values, stretch, growth)
    case .centers: centers(values, inner)
    }
  }

  /// One of four numbers, x before y; where the decoder has y first, so have they.
  private func number(_ values: Memory<Float>, _ place: Int) -> Double { Double(values[isSwapped ? place ^ 1 : place]) }

  private func decoded(_ order: BoxOrder, _ values: Memory<Float>) -> Sides {
    let (a, b) = (number(values, 0) * wide, number(values, 1) * tall)
    let (c, d) = (number(values, 2) * wide, number(values, 3) * tall)
    switch order {
    case .xyxy, .yxyx: return Sides(a, b, c, d)
    case .xywh: return Sides(a, b, a + c, b + d)
    case .cxcywh: return Sides(aroundX: a, y: b, width: c, height: d)
    }
  }

  private func offsets(_ values: Memory<Float>, _ centre: Double, _ largest: Double) -> Sides {
    let (x, y) = (number(values, 0) * variances[0], number(values, 1) * variances[1])
    let (w, h) = (number(values, 2) * variances[2], number(values, 3) * variances[3])
    return Sides(
      aroundX: x * cells.width + (Double(cells.column) + centre) * cells.across,
      y: y * cells.height + (Double(cells.row) + centre) * cells.down,
      width: exp(min(w, largest)) * cells.width, height: exp(min(h, largest)) * cells.height)
  }

  private func distances(_ values: Memory<Float>, _ bins: Int, _ centre: Double) -> Sides {
    let (x, y) = (Double(cells.column) + centre, Double(cells.row) + centre)
    return Sides(
      (x - distance(values, 0, bins)) * cells.across, (y - distance(values, 1, bins)) * cells.down,
      (x + distance(values, 2, bins)) * cells.across, (y + distance(values, 3, bins)) * cells.down)
  }

  /// One of the four distances: with bins the mean of their numbers by softmax, sums in their order.
  private func distance(_ values: Memory<Float>, _ side: Int, _ bins: Int) -> Double {
    let begin = side * bins
    if bins == 1 { return Double(values[begin]) }
    var highest = values[begin]
    for i in begin..<begin + bins where values[i] > highest { highest = values[i] }
    var (total, weighted) = (0.0, 0.0)
    for i in 0..<bins {
      let power = exp(Double(values[begin + i]) - Double(highest))
      total += power
      weighted += power * Double(i)
    }
    return weighted / total
  }

  private func anchors(_ values: Memory<Float>, _ stretch: Double, _ growth: Growth) -> Sides {
    let shift = (stretch - 1) / 2
    return Sides(
      aroundX: (Double(cells.column) + (sigmoid(Double(values[0])) * stretch - shift)) * cells.across,
      y: (Double(cells.row) + (sigmoid(Double(values[1])) * stretch - shift)) * cells.down,
      width: grown(Double(values[2]), growth) * cells.width, height: grown(Double(values[3]), growth) * cells.height)
  }

  private func grown(_ value: Double, _ growth: Growth) -> Double {
    if growth == .exp { return exp(value) }
    let twice = 2 * sigmoid(value)
    return twice * twice
  }

  private func centers(_ values: Memory<Float>, _ inner: Memory<Float>?) -> Sides {
    let (x, y) = inner.map { (Double($0[0]), Double($0[1])) } ?? (0, 0)
    return Sides(
      aroundX: (Double(cells.column) + x) * cells.across, y: (Double(cells.row) + y) * cells.down,
      width: Double(values[0]) * cells.across, height: Double(values[1]) * cells.down)
  }
}
