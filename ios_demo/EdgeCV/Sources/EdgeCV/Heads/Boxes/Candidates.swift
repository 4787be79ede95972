import Foundation

private let slack = 1e-3  // by which a quick look takes more than reach the threshold
private let least = 1e-6  // a threshold below is none for the quick look
private let sure = 10.0  // a sigmoid rounds to 1 from 17 on
private let scoreBits: Int64 = 0x7fff_ffff

/// The pairs of a row and a class whose score reaches the class's threshold, best first: score down, then row up, then class up.
///
/// The best `before` are kept in a heap of numbers that sort like that: the score's bits turned round, then the pair. So a frame
/// allocates nothing, however many there are.
final class Candidates {
  private let activation: Activation
  private let objectActivation: Activation
  private let scores: RowReader
  private let objectness: RowReader?
  private let numbers: RowReader?
  private let thresholds: Memory<Float>
  private let cells: Cells
  private let isBestAlone: Bool
  private let reach: Int?
  private let heap: Memory<Int64>
  private let values: Memory<Float>
  private let shares: Memory<Float>
  private let share = Memory<Float>(repeating: 0, count: 1)
  private let lows: Memory<Double>

  /// How many there are.
  private(set) var count = 0

  /// `numbers` are those of the rows' classes, where the model says them: then there is one score a row. `thresholds` are one for
  /// each class; NaN for what is no answer.
  init(
    _ decoder: BoxDecoder, _ activation: Activation, _ scores: RowReader, _ objectness: RowReader?, _ numbers: RowReader?,
    _ thresholds: [Float], _ cells: Cells
  ) {
    self.activation = activation
    self.scores = scores
    self.objectness = objectness
    self.numbers = numbers
    self.thresholds = Memory(thresholds)
    self.cells = cells
    objectActivation = activation == .sigmoid ? .sigmoid : .none
    isBestAlone = decoder.classes == .best
    if case .centers(_, let window) = decoder.form { reach = window / 2 } else { reach = nil }
    heap = Memory(repeating: 0, count: min(decoder.before, scores.rows * thresholds.count))
    values = Memory(repeating: 0, count: scores.count)
    shares = Memory(repeating: 0, count: scores.count)
    let isUnbounded = objectness != nil && objectActivation == .none  // which may make any score larger
    lows = Memory(thresholds.map { isUnbounded ? -.infinity : low(Double($0), activation) })
  }

  func row(_ place: Int) -> Int { pair(place) / thresholds.count }

  func label(_ place: Int) -> Int { pair(place) % thresholds.count }

  func score(_ place: Int) -> Float { Float(bitPattern: UInt32(scoreBits - (heap[place] >> 32))) }

  private func pair(_ place: Int) -> Int { Int(heap[place] & 0xffff_ffff) }

  /// Find those of one sample.
  func find(_ outputs: [Memory<Float>]) {
    count = 0
    for row in 0..<scores.rows {
      scores.read(outputs, row, into: values)
      if let numbers { addNumbered(outputs, row, numbers) } else { addRow(outputs, row) }
    }
    sort()
  }

  private func addRow(_ outputs: [Memory<Float>], _ row: Int) {
    let top = activation == .softmax ? highest() : 0
    let only = isBestAlone ? best() : -1
    var (isActivated, factor) = (false, Float.nan)
    for label in values.indices {
      if only >= 0 && label != only || Double(values[label]) < top + lows[label] || thresholds[label].isNaN { continue }
      if let reach, !isPeak(outputs, row, label, reach) { continue }
      if activation == .softmax && !isActivated {
        shares.copy(shares.count, from: values, at: 0, to: 0)
        activate(shares, activation)
        isActivated = true
      }
      var score = score(ofLabel: label)
      if let objectness {
        if factor.isNaN { factor = objectScore(objectness, outputs, row) }
        score *= factor
      }
      if score >= thresholds[label] { offer(score, row * thresholds.count + label) }
    }
  }

  /// Add the one score of a row, if the number of its class, rounded half to even, is that of a class.
  private func addNumbered(_ outputs: [Memory<Float>], _ row: Int, _ numbers: RowReader) {
    let number = numbers.number(outputs, row, 0).rounded(.toNearestOrEven)
    guard number >= 0 && number < Float(thresholds.count) else { return }
    let label = Int(number)
    activate(values, activation)
    var score = values[0]
    if let objectness { score *= objectScore(objectness, outputs, row) }
    if score >= thresholds[label] { offer(score, row * thresholds.count + label) }
  }

  /// The activated value of a class of the row that was read.
  private func score(ofLabel label: Int) -> Float {
    switch activation {
    case .none: values[label]
    case .sigmoid: Float(sigmoid(Double(values[label])))
    case .softmax: shares[label]
    }
  }

  private func objectScore(_ objectness: RowReader, _ outputs: [Memory<Float>], _ row: Int) -> Float {
    objectness.read(outputs, row, into: share)
    activate(share, objectActivation)
    return share[0]
  }

  private func highest() -> Double {
    var top = values[0]
    for i in values.indices where values[i] > top { top = values[i] }
    return Double(top)
  }

  /// The class with the largest value, the first of equal ones, the background left out.
  private func best() -> Int {
    var best = -1
    for label in values.indices where !thresholds[label].isNaN {
      if best < 0 || values[label] > values[best] { best = label }
    }
    return best
  }

  /// Says whether no value of the class in the window around the row's cell is larger.
  private func isPeak(_ outputs: [Memory<Float>], _ place: Int, _ label: Int, _ reach: Int) -> Bool {
    cells.seek(place)
    for y in max(0, cells.row - reach)...min(cells.gridRows - 1, cells.row + reach) {
      for x in max(0, cells.column - reach)...min(cells.gridColumns - 1, cells.column + reach) {
        let other = cells.begin + y * cells.gridColumns + x
        if scores.number(outputs, other, label) > values[label] { return false }
      }
    }
    return true
  }

  /// Take one in, unless there are as many that sort before it; the heap's first is the last of them.
  private func offer(_ score: Float, _ pair: Int) {
    let bits = Int64((score + 0).bitPattern)  // -0 is 0; no score is below, as no threshold is
    let key = (scoreBits - bits) << 32 | Int64(pair)
    if count < heap.count {
      var at = count
      count += 1
      while at > 0 && heap[(at - 1) / 2] < key {
        heap[at] = heap[(at - 1) / 2]
        at = (at - 1) / 2
      }
      heap[at] = key
    } else if key < heap[0] {
      sink(key, heap.count)
    }
  }

  /// Put a key in the place of the first of a heap of that size.
  private func sink(_ key: Int64, _ size: Int) {
    var at = 0
    while 2 * at + 1 < size {
      var child = 2 * at + 1
      if child + 1 < size && heap[child + 1] > heap[child] { child += 1 }
      if heap[child] <= key { break }
      heap[at] = heap[child]
      at = child
    }
    heap[at] = key
  }

  private func sort() {
    for end in stride(from: count - 1, to: 0, by: -1) {
      let last = heap[end]
      heap[end] = heap[0]
      sink(last, end)
    }
  }
}

/// The least value, over the row's highest with a softmax, of what may reach a threshold: a quick look before the exact activation.
private func low(_ limit: Double, _ activation: Activation) -> Double {
  if limit.isNaN || limit <= least { return -.infinity }
  switch activation {
  case .none: return limit
  case .softmax: return log(limit) - slack
  case .sigmoid: return limit >= 1 ? sure : min(log(limit / (1 - limit)) - slack, sure)
  }
}
