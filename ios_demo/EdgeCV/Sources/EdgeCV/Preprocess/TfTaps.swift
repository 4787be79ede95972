import Foundation

// TensorFlow's taps in its own float32 arithmetic. Nothing here may be reordered or fused (docs/preprocessing.md,
// "TensorFlow's kernels"). Swift's Float is IEEE binary32, and the compiler fuses a multiplication and an addition only where
// `addingProduct` asks for it. The self-test would show a device that does otherwise.

private let table: Float = 1024  // steps in TensorFlow's table of the cubic
private let radius: Float = 3  // of Lanczos
private let pi: Float = 3.14159265359

/// Weighted sums: output i is the sum over k, in that order, of weight[i * count + k] * input[index[i * count + k]].
struct FloatTaps {
  let index: [Int]
  let weight: Memory<Float>
  let count: Int

  /// `fill` gives the input positions and the weights of each output.
  init(_ axis: Axis, count: Int, fill: (Int) -> (index: [Int], weight: [Float])) {
    var index: [Int] = []
    var weight: [Float] = []
    for i in 0..<axis.shown {
      let taps = fill(i)
      index += taps.index
      weight += taps.weight
    }
    self.index = index
    self.weight = Memory(weight)
    self.count = count
  }

  var lowest: Int { index.min() ?? 0 }

  var highest: Int { index.max() ?? 0 }
}

/// Source: `ResizeNearestNeighbor`.
func tfNearest(_ axis: Axis) -> [Int] {
  (0..<axis.shown).map { axis.first + min(Int(centre(axis, $0).rounded(.down)), axis.taken - 1) }
}

/// The pixels at both sides, and the share of the second. Source: tensorflow/core/kernels/image/resize_bilinear_op.cc.
struct Bilinear {
  let low: [Int]
  let high: [Int]
  let share: Memory<Float>

  init(_ axis: Axis) {
    let places = (0..<axis.shown).map { centre(axis, $0) - 0.5 }
    low = places.map { axis.first + Int(max($0.rounded(.down), 0)) }
    high = places.map { axis.first + min(Int($0.rounded(.up)), axis.taken - 1) }
    share = Memory(places.map { $0 - $0.rounded(.down) })
  }
}

/// Keys's cubic, a = -0.5, from a table. Source: tensorflow/core/kernels/image/resize_bicubic_op.cc.
func tfBicubic(_ axis: Axis) -> FloatTaps {
  FloatTaps(axis, count: 4) { i in
    let at = centre(axis, i) - 0.5
    let below = at.rounded(.down)
    let step = Double(((at - below) * table).rounded(.toNearestOrEven))
    let rest = Double(table) - step
    let wanted = (0..<4).map { Int(below) - 1 + $0 }
    let index = wanted.map { min(max($0, 0), axis.taken - 1) }
    let weights = [far(step), near(step), near(rest), far(rest)]
    return (index, toOne((0..<4).map { index[$0] == wanted[$0] ? weights[$0] : 0 }))
  }
}

private func near(_ step: Double) -> Float {
  let x = step / Double(table)
  return Float((1.5 * x - 2.5) * x * x + 1)
}

private func far(_ step: Double) -> Float {
  let x = step / Double(table) + 1
  return Float(((-0.5 * x + 2.5) * x - 4) * x + 2)
}

/// Lanczos of radius 3. Source: tensorflow/core/kernels/image/scale_and_translate_op.cc and sampling_kernels.h.
func tfLanczos(_ axis: Axis) -> FloatTaps {
  let inverse = 1 / (Float(axis.scaled) / Float(axis.taken))
  let end = axis.taken - 1
  let most = 2 * Int(radius) + 1
  return FloatTaps(axis, count: most) { i in
    let at = (Float(axis.skipped + i) + 0.5) * inverse
    let first = min(max(Int((at - radius - 0.5).rounded(.up)), 0), end)
    let last = min(max(Int((at + radius - 0.5).rounded(.down)), 0), end)
    let wanted = first..<first + most
    let weights = wanted.map { $0 <= last ? lanczos(abs(Float($0) + 0.5 - at)) : 0 }
    return (wanted.map { min($0, end) }, toOne(weights))
  }
}

private func lanczos(_ x: Float) -> Float {
  if x <= 1e-3 { return 1 }
  if x > radius { return 0 }
  let angle = pi * x
  return radius * sine(angle) * sine(angle / radius) / (pi * pi * x * x)
}

/// The sine of a float32 of 0 to 9.43, as glibc's `sinf` rounds it (sysdeps/ieee754/flt-32/s_sinf.c).
private func sine(_ angle: Float) -> Float {
  let quarter = (Double(angle) * (2 / Double.pi) + 0.5).rounded(.down)
  let x = Double(angle) - quarter * (Double.pi / 2)
  let x2 = x * x
  let turned = Int(quarter) % 4
  let value: Double
  if turned % 2 == 0 {
    let low = x + x * x2 * -0.16666654943701084
    value = low + x * x2 * x2 * (0.008332178146138854 + x2 * -0.00019517298981385725)
  } else {
    let low = 1 + x2 * -0.49999999725108224 + x2 * x2 * 0.041666623324344516
    value = low + x2 * x2 * x2 * (-0.001388676379437604 + x2 * 2.4390450703564542e-05)
  }
  return Float(turned >= 2 ? -value : value)
}

/// The share of each pixel that an output pixel covers. Source: tensorflow/core/kernels/image/resize_area_op.cc.
func tfBox(_ axis: Axis) -> FloatTaps {
  let scale = scale(axis)
  let lengths = (0..<axis.scaled).map { i in
    Int((Float(i + 1) * scale).rounded(.up) - (Float(i) * scale).rounded(.down))
  }
  let most = lengths.max() ?? 0
  return FloatTaps(axis, count: most) { i in
    let low = Float(axis.skipped + i) * scale
    let high = Float(axis.skipped + i + 1) * scale
    let places = (0..<most).map { low.rounded(.down) + Float($0) }
    let weights = places.map { $0 < high.rounded(.up) ? covered($0, low, high, scale) : 0 }
    return (places.map { min(Int($0), axis.taken - 1) }, weights)
  }
}

private func covered(_ at: Float, _ low: Float, _ high: Float, _ scale: Float) -> Float {
  if at < low { return at + 1 > high ? scale : at + 1 - low }
  return at + 1 > high ? high - at : 1
}

/// One over the input pixels that an output pixel covers.
func boxShare(_ down: Axis, _ across: Axis) -> Float { 1 / (scale(down) * scale(across)) }

private func scale(_ axis: Axis) -> Float { Float(axis.taken) / Float(axis.scaled) }

private func centre(_ axis: Axis, _ shown: Int) -> Float { (Float(axis.skipped + shown) + 0.5) * scale(axis) }

/// Weights that add up to one: times the reciprocal of their sum, added in the order of the taps.
private func toOne(_ weights: [Float]) -> [Float] {
  let share = 1 / weights.dropFirst().reduce(weights[0], +)
  return weights.map { $0 * share }
}
