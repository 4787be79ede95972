/// The last few rows that were made, by their position; a window of consecutive rows that moves down never makes one twice.
final class Rows<Element: BitwiseCopyable> {
  private let rows: [Memory<Element>]
  private let held: Memory<Int>

  init(repeating value: Element, capacity: Int, size: Int) {
    rows = (0..<capacity).map { _ in Memory(repeating: value, count: size) }
    held = Memory(repeating: -1, count: capacity)
  }

  func forget() { held.fill(-1) }

  /// Row `y`, made by `make` where it is not at hand.
  @inline(__always)
  func get(_ y: Int, _ make: (Memory<Element>) -> Void) -> Memory<Element> {
    let slot = y % rows.count
    if held[slot] != y {
      make(rows[slot])
      held[slot] = y
    }
    return rows[slot]
  }
}

/// Where finished rows of pixels go, pixel by pixel, of the columns that are shown.
protocol Sink: AnyObject {
  func bytes(_ y: Int, _ row: Memory<UInt8>)

  /// `row` is used up.
  func floats(_ y: Int, _ row: Memory<Float>)
}

/// A resize of frames of one form; it holds its own scratch.
protocol Plan: AnyObject {
  func run(_ frame: Frame, _ sink: some Sink)
}

/// Pixels as they are: nothing is scaled, or the nearest neighbour is taken.
final class Pick: Plan {
  private let sampler: Sampler
  private let rows: [Int]
  private let row: Memory<UInt8>

  init(_ sampler: Sampler, _ rows: [Int]) {
    self.sampler = sampler
    self.rows = rows
    row = Memory(repeating: 0, count: sampler.size)
  }

  func run(_ frame: Frame, _ sink: some Sink) {
    for y in rows.indices {
      if y == 0 || rows[y] != rows[y - 1] { sampler.read(frame, rows[y], into: row) }
      sink.bytes(y, row)
    }
  }
}
