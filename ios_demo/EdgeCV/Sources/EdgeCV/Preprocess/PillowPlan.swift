private let half: Int32 = 1 << Int32(precisionBits - 1)

/// Pillow's resampling in its own integers. Rows are made as they are needed, so only a window of them is in memory.
///
/// The horizontal pass comes first, but the vertical one where the height shrinks by more than twice as many pixels as the
/// width: `ImagingResampleInner` in Pillow 13.0.0, src/libImaging/Resample.c.
final class PillowPlan: Plan {
  private let down: Axis
  private let channels: Int
  private let isVerticalFirst: Bool
  private let vertical: FixedTaps?
  private let horizontal: FixedTaps?
  private let left: Int
  private let sampler: Sampler
  private let raw: Memory<UInt8>
  private let rows: Rows<UInt8>
  private let sums: Memory<Int32>
  private let middle: Memory<UInt8>
  private let done: Memory<UInt8>

  init(_ source: ([Int]) -> Sampler, _ kernel: Kernel, _ placement: Placement, channels: Int) {
    let across = placement.across
    down = placement.down
    self.channels = channels
    isVerticalFirst = down.taken - down.scaled > max(0, 2 * (across.taken - across.scaled))
    vertical = down.taken == down.scaled ? nil : FixedTaps(kernel, down)
    horizontal = across.taken == across.scaled ? nil : FixedTaps(kernel, across)
    left = horizontal?.first.min() ?? across.skipped
    let ends = horizontal.map { taps in taps.first.indices.map { taps.first[$0] + taps.count[$0] } }
    let right = ends?.max() ?? left + across.shown
    sampler = source(Array(across.first + left..<across.first + right))
    raw = Memory(repeating: 0, count: sampler.size)
    done = Memory(repeating: 0, count: across.shown * channels)
    let wide = isVerticalFirst ? sampler.size : done.count
    rows = Rows(repeating: 0, capacity: vertical?.most ?? 1, size: wide)
    sums = Memory(repeating: 0, count: wide)
    middle = Memory(repeating: 0, count: wide)
  }

  func run(_ frame: Frame, _ sink: some Sink) {
    rows.forget()
    for y in 0..<down.shown { sink.bytes(y, row(frame, y)) }
  }

  private func row(_ frame: Frame, _ y: Int) -> Memory<UInt8> {
    let mixed = if let vertical { mix(frame, vertical, y) } else { input(frame, down.skipped + y) }
    guard isVerticalFirst, let horizontal else { return mixed }
    resample(horizontal, mixed, into: done)
    return done
  }

  /// The sum over a window of rows.
  private func mix(_ frame: Frame, _ taps: FixedTaps, _ y: Int) -> Memory<UInt8> {
    sums.fill(half)
    for k in 0..<taps.count[y] {
      addWeighted(input(frame, taps.first[y] + k), by: taps.weight[y * taps.most + k], to: sums)
    }
    clip(sums, into: middle)
    return middle
  }

  /// A row on its way into the vertical pass; `y` counts within the part that is scaled.
  private func input(_ frame: Frame, _ y: Int) -> Memory<UInt8> {
    rows.get(y) { into in
      if !isVerticalFirst, let horizontal {
        sampler.read(frame, down.first + y, into: raw)
        resample(horizontal, raw, into: into)
      } else {
        sampler.read(frame, down.first + y, into: into)
      }
    }
  }

  private func resample(_ taps: FixedTaps, _ row: Memory<UInt8>, into: Memory<UInt8>) {
    if channels == 3 {
      resamplePixels(row, left: left, taps, half: half, into: into)
      return
    }
    for x in taps.first.indices {
      into[x] = weighted(row, from: taps.first[x] - left, taps.weight, from: x * taps.most, count: taps.count[x])
    }
  }

  private func weighted(
    _ row: Memory<UInt8>, from start: Int, _ weights: Memory<Int32>, from first: Int, count: Int
  ) -> UInt8 {
    var sum = half
    for k in 0..<count { sum &+= Int32(row[start + k]) &* weights[first + k] }
    return clipped(sum)
  }
}
