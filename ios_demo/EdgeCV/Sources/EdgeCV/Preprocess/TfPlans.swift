/// The columns first, then the rows, each as low + (high - low) * share.
final class BilinearPlan: Plan {
  private let down: Bilinear
  private let across: Bilinear
  private let channels: Int
  private let sampler: Sampler
  private let raw: Memory<UInt8>
  private let rows: Rows<Float>
  private let out: Memory<Float>

  init(_ source: ([Int]) -> Sampler, _ placement: Placement, channels: Int) {
    down = Bilinear(placement.down)
    across = Bilinear(placement.across)
    self.channels = channels
    sampler = source(across.low + across.high)
    raw = Memory(repeating: 0, count: sampler.size)
    let size = across.low.count * channels
    rows = Rows(repeating: 0, capacity: 2, size: size)
    out = Memory(repeating: 0, count: size)
  }

  func run(_ frame: Frame, _ sink: some Sink) {
    rows.forget()
    for y in down.low.indices {
      let top = mixed(frame, down.low[y])
      let bottom = mixed(frame, down.high[y])
      let share = down.share[y]
      mix(top, bottom, share, into: out)
      sink.floats(y, out)
    }
  }

  private func mixed(_ frame: Frame, _ y: Int) -> Memory<Float> {
    rows.get(y) { into in
      sampler.read(frame, y, into: raw)
      mixColumns(raw, across.share, channels: channels, into: into)
    }
  }
}

/// Weighted sums over the rows, then over the columns of that.
final class RowsFirstPlan: Plan {
  private let placement: Placement
  private let down: FloatTaps
  private let across: FloatTaps
  private let channels: Int
  private let left: Int
  private let sampler: Sampler
  private let rows: Rows<UInt8>
  private let middle: Memory<Float>
  private let out: Memory<Float>

  init(_ source: ([Int]) -> Sampler, _ placement: Placement, _ down: FloatTaps, _ across: FloatTaps, channels: Int) {
    self.placement = placement
    self.down = down
    self.across = across
    self.channels = channels
    left = across.lowest
    sampler = source(columns(placement, across))
    rows = Rows(repeating: 0, capacity: down.count, size: sampler.size)
    middle = Memory(repeating: 0, count: sampler.size)
    out = Memory(repeating: 0, count: placement.across.shown * channels)
  }

  func run(_ frame: Frame, _ sink: some Sink) {
    rows.forget()
    for y in 0..<placement.down.shown {
      for k in 0..<down.count {
        let row = rows.get(down.index[y * down.count + k]) { into in
          sampler.read(frame, placement.down.first + down.index[y * down.count + k], into: into)
        }
        let weight = down.weight[y * down.count + k]
        for i in middle.indices {
          let term = Float(row[i]) * weight
          middle[i] = k == 0 ? term : middle[i] + term
        }
      }
      sumColumns(across, channels: channels, left: left, into: out) { middle[$0] }
      sink.floats(y, out)
    }
  }
}

/// Weighted sums over the columns, then over the rows of that, then one share for all.
final class BoxPlan: Plan {
  private let placement: Placement
  private let down: FloatTaps
  private let across: FloatTaps
  private let channels: Int
  private let share: Float
  private let left: Int
  private let sampler: Sampler
  private let raw: Memory<UInt8>
  private let rows: Rows<Float>
  private let out: Memory<Float>

  init(_ source: ([Int]) -> Sampler, _ placement: Placement, channels: Int) {
    self.placement = placement
    down = tfBox(placement.down)
    across = tfBox(placement.across)
    self.channels = channels
    share = boxShare(placement.down, placement.across)
    left = across.lowest
    sampler = source(columns(placement, across))
    raw = Memory(repeating: 0, count: sampler.size)
    let size = placement.across.shown * channels
    rows = Rows(repeating: 0, capacity: down.count, size: size)
    out = Memory(repeating: 0, count: size)
  }

  func run(_ frame: Frame, _ sink: some Sink) {
    rows.forget()
    for y in 0..<placement.down.shown {
      for k in 0..<down.count {
        let row = summed(frame, down.index[y * down.count + k])
        let weight = down.weight[y * down.count + k]
        for i in out.indices { out[i] = k == 0 ? row[i] * weight : out[i] + row[i] * weight }
      }
      for i in out.indices { out[i] *= share }
      sink.floats(y, out)
    }
  }

  private func summed(_ frame: Frame, _ y: Int) -> Memory<Float> {
    rows.get(y) { into in
      sampler.read(frame, placement.down.first + y, into: raw)
      sumColumns(across, channels: channels, left: left, into: into) { Float(raw[$0]) }
    }
  }
}

/// The columns that a run of taps reads, from the lowest to the highest.
private func columns(_ placement: Placement, _ taps: FloatTaps) -> [Int] {
  Array(placement.across.first + taps.lowest...placement.across.first + taps.highest)
}

/// Weighted sums of values that begin with the column `left`, pixel by pixel.
private func sumColumns(
  _ taps: FloatTaps, channels: Int, left: Int, into: Memory<Float>, _ value: (Int) -> Float
) {
  for i in into.indices {
    let channel = i % channels
    let first = i / channels * taps.count
    var sum = value((taps.index[first] - left) * channels + channel) * taps.weight[first]
    for k in first + 1..<first + taps.count {
      sum += value((taps.index[k] - left) * channels + channel) * taps.weight[k]
    }
    into[i] = sum
  }
}
