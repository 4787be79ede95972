import Foundation

/// The fractional bits of Pillow's coefficients: 32 - 8 - 2.
let precisionBits = 22

/// Pillow's weighted sums for a run of output positions: output i is the sum of
/// weight[i * most + k] * input[first[i] + k], k < count[i].
struct FixedTaps {
  let first: [Int]
  let count: [Int]
  let weight: Memory<Int32>
  let most: Int

  /// Source: `precompute_coeffs` and `normalize_coeffs_8bpc` in Pillow 13.0.0, src/libImaging/Resample.c.
  init(_ kernel: Kernel, _ axis: Axis) {
    let filter = PillowFilter(kernel)
    let scale = Double(axis.taken) / Double(axis.scaled)
    let widened = max(scale, 1)
    let support = filter.support * widened
    most = Int(support.rounded(.up)) * 2 + 1
    weight = Memory(repeating: 0, count: axis.shown * most)
    var (first, count): ([Int], [Int]) = ([], [])
    for i in 0..<axis.shown {
      let centre = (Double(axis.skipped + i) + 0.5) * scale
      let low = max(0, Int(centre - support + 0.5))
      let length = min(axis.taken, Int(centre + support + 0.5)) - low
      let weights = (0..<length).map { filter.at((Double($0 + low) - centre + 0.5) * (1 / widened)) }
      let sum = weights.reduce(0, +)
      for (k, value) in weights.enumerated() { weight[i * most + k] = fixed(sum != 0 ? value / sum : value) }
      first.append(low)
      count.append(length)
    }
    (self.first, self.count) = (first, count)
  }
}

private func fixed(_ weight: Double) -> Int32 {
  let scaled = weight * Double(1 << precisionBits)
  return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
}

/// The positions of the nearest neighbours; centres are found by adding up steps in float64. Source: Pillow,
/// src/libImaging/Geometry.c.
func pillowNearest(_ axis: Axis) -> [Int] {
  let step = Double(axis.taken) / Double(axis.scaled)
  var at = step * 0.5
  var positions: [Int] = []
  for _ in 0..<axis.skipped + axis.shown {
    positions.append(axis.first + Int(at))
    at += step
  }
  return Array(positions[axis.skipped...])
}

private struct PillowFilter {
  let kernel: Kernel
  let support: Double

  init(_ kernel: Kernel) {
    self.kernel = kernel
    switch kernel {
    case .nearest: preconditionFailure("the nearest neighbour has no weights")
    case .box: support = 0.5
    case .bilinear: support = 1
    case .bicubic: support = 2
    case .lanczos: support = 3
    }
  }

  func at(_ x: Double) -> Double {
    switch kernel {
    case .nearest: 0
    case .box: x > -0.5 && x <= 0.5 ? 1 : 0
    case .bilinear: abs(x) < 1 ? 1 - abs(x) : 0
    case .bicubic: cubic(abs(x))
    case .lanczos: -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0
    }
  }

  private func cubic(_ x: Double) -> Double {
    let a = -0.5
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
  }

  private func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}
