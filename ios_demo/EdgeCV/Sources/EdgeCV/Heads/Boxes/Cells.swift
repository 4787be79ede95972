/// The cell that a row of a decoder stands for: level by level, row, column, size. It is set by `seek`, and allocates nothing.
final class Cells {
  private let levels: [Layer]

  /// The row of the decoder at which the level of the row begins, and how many rows and columns of cells that has.
  private(set) var begin = 0
  private(set) var gridRows = 0
  private(set) var gridColumns = 0

  /// The cell.
  private(set) var column = 0
  private(set) var row = 0

  /// The cell's stride in pixels.
  private(set) var across = 0.0
  private(set) var down = 0.0

  /// The size of its anchor in pixels; 0 without one.
  private(set) var width = 0.0
  private(set) var height = 0.0

  init(_ levels: [Level]) { self.levels = levels.map(Layer.init) }

  /// Go to a row, which must be one of the levels'; without levels there is nowhere to go.
  func seek(_ place: Int) {
    if levels.isEmpty { return }
    var level = 0
    begin = 0
    while place - begin >= levels[level].count {
      begin += levels[level].count
      level += 1
    }
    let each = levels[level].sizes.count
    let (cell, size) = ((place - begin) / each, (place - begin) % each)
    (gridRows, gridColumns) = (levels[level].rows, levels[level].columns)
    (row, column) = (cell / gridColumns, cell % gridColumns)
    (down, across) = (levels[level].down, levels[level].across)
    (width, height) = (levels[level].sizes[size].x, levels[level].sizes[size].y)
  }

  private struct Layer {
    let rows: Int
    let columns: Int
    let down: Double
    let across: Double
    let sizes: [SIMD2<Double>]
    let count: Int

    init(_ level: Level) {
      (rows, columns) = (level.grid[0], level.grid[1])
      (down, across) = (level.stride[0], level.stride[1])
      sizes = level.sizes.isEmpty ? [SIMD2(0, 0)] : level.sizes.map { SIMD2($0[0], $0[1]) }
      count = rows * columns * sizes.count
    }
  }
}
