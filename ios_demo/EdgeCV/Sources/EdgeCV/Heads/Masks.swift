/// The class of pixels that the model has not seen.
public let unseenClass: UInt8 = 255

/// The class of a pixel's values: of one plane 1 from the threshold on, of several the largest, the first of equal ones.
struct Choice {
  let planes: Int
  let threshold: Float

  /// The class of the pixel whose values begin at a place.
  @inline(__always)
  func of(_ values: Memory<Float>, _ at: Int) -> UInt8 {
    if planes == 1 { return values[at] >= threshold ? 1 : 0 }
    return UInt8(truncatingIfNeeded: highest(values, at: at, count: planes))
  }
}

/// Brings planes of values to the pixels of a picture, in float32 (docs/decoding.md). What depends on where the picture lies is
/// prepared for the last one; after that a frame allocates nothing.
final class MaskMaker {
  private let tall: Int
  private let wide: Int
  private let choice: Choice
  private let isBilinear: Bool
  private let canvas: Canvas
  private var prepared: Prepared?

  /// Planes of so many rows and columns, which cover the model's input; values are interpolated, or each pixel has those of the
  /// cell that it lies in.
  init(tall: Int, wide: Int, _ choice: Choice, isBilinear: Bool, _ canvas: Canvas) {
    self.tall = tall
    self.wide = wide
    self.choice = choice
    self.isBilinear = isBilinear
    self.canvas = canvas
  }

  /// Fill a mask with a class for each pixel of the picture; 255 where the model has not seen it.
  func make(_ values: Memory<Float>, _ picture: PicturePlace, into mask: Memory<UInt8>) {
    let cells = Canvas(height: tall, width: wide)
    if picture.isUnchanged && picture.size == cells && canvas == cells {
      for pixel in mask.indices { mask[pixel] = choice.of(values, pixel * choice.planes) }
      return
    }
    let made = prepare(picture)
    for y in 0..<picture.height {
      if !made.down.seen[y] {
        for x in 0..<picture.width { mask[y * picture.width + x] = unseenClass }
      } else if isBilinear {
        interpolate(values, made, y, into: mask)
      } else {
        pick(values, made, y, into: mask)
      }
    }
  }

  private func prepare(_ picture: PicturePlace) -> Prepared {
    if let prepared, prepared.picture == picture {
      prepared.forget()
      return prepared
    }
    let made = Prepared(picture, canvas, tall: tall, wide: wide, planes: isBilinear ? choice.planes : 0)
    prepared = made
    return made
  }

  private func pick(_ values: Memory<Float>, _ made: Prepared, _ y: Int, into mask: Memory<UInt8>) {
    let (begin, row) = (y * made.picture.width, made.down.cell[y] * wide)
    for x in made.across.seen.indices {
      let isSeen = made.across.seen[x]
      mask[begin + x] = isSeen ? choice.of(values, (row + made.across.cell[x]) * choice.planes) : unseenClass
    }
  }

  private func interpolate(_ values: Memory<Float>, _ made: Prepared, _ y: Int, into mask: Memory<UInt8>) {
    let upper = line(values, made, made.down.low[y])
    let lower = line(values, made, made.down.high[y])
    mix(upper, lower, made.down.weight[y], into: made.pixels)
    let begin = y * made.picture.width
    for x in made.across.seen.indices {
      mask[begin + x] = made.across.seen[x] ? choice.of(made.pixels, x * choice.planes) : unseenClass
    }
  }

  /// A row of the planes at the picture's columns. Rows that are neighbours do not take each other's place.
  private func line(_ values: Memory<Float>, _ made: Prepared, _ row: Int) -> Memory<Float> {
    let line = row & 1 == 0 ? made.evenLine : made.oddLine
    if made.rows[row & 1] == row { return line }
    made.rows[row & 1] = row
    let across = made.across
    mixCells(
      values, from: row * wide, across.low, across.high, across.weight, planes: choice.planes, into: line)
    return line
  }

  /// What is the same for all frames of one form. Two lines of the planes, interpolated across, serve many rows of the picture.
  private final class Prepared {
    let picture: PicturePlace
    let down: Centres
    let across: Centres
    let evenLine: Memory<Float>
    let oddLine: Memory<Float>
    let pixels: Memory<Float>
    let rows = Memory(repeating: -1, count: 2)

    init(_ picture: PicturePlace, _ canvas: Canvas, tall: Int, wide: Int, planes: Int) {
      self.picture = picture
      down = Centres(picture.placement.down, picture.height, canvas: canvas.height, cells: tall)
      across = Centres(picture.placement.across, picture.width, canvas: canvas.width, cells: wide)
      evenLine = Memory(repeating: 0, count: picture.width * planes)
      oddLine = Memory(repeating: 0, count: picture.width * planes)
      pixels = Memory(repeating: 0, count: picture.width * planes)
    }

    /// The values are those of another frame.
    func forget() { rows.fill(-1) }
  }
}

/// Where the centres of a picture's pixels along an axis are in planes of cells.
private struct Centres {
  /// Whether the model sees them.
  let seen: Memory<Bool>
  let cell: Memory<Int>

  /// The two cells whose centres are around the place, the edge's repeated outside, and the weight of the second.
  let low: Memory<Int>
  let high: Memory<Int>
  let weight: Memory<Float>

  init(_ axis: Axis, _ count: Int, canvas: Int, cells: Int) {
    seen = Memory(repeating: false, count: count)
    cell = Memory(repeating: 0, count: count)
    low = Memory(repeating: 0, count: count)
    high = Memory(repeating: 0, count: count)
    weight = Memory(repeating: 0, count: count)
    for i in 0..<count {
      let input = axis.ahead(Double(i) + 0.5)
      seen[i] = input >= Double(axis.at) && input <= Double(axis.at + axis.shown)
      let place = input * Double(cells) / Double(canvas)
      let middle = place - 0.5
      let first = middle.rounded(.down)
      cell[i] = inside(place.rounded(.down), cells)
      low[i] = inside(first, cells)
      high[i] = inside(first + 1, cells)
      weight[i] = Float(middle - first)
    }
  }
}

private func inside(_ place: Double, _ cells: Int) -> Int { Int(max(0, min(place, Double(cells - 1)))) }
