import Foundation

/// Apply an activation to the values of one sample, in their place and without overflow. It is computed in float64, sums in the
/// order of the values, and rounded to float32 once: the same in every language.
func activate(_ row: Memory<Float>, _ activation: Activation) {
  switch activation {
  case .none: break
  case .softmax: softmax(row)
  case .sigmoid: for i in row.indices { row[i] = Float(sigmoid(Double(row[i]))) }
  }
}

/// 1 / (1 + exp(-value)) in float64, without overflow.
func sigmoid(_ value: Double) -> Double {
  let small = exp(-abs(value))
  return (value >= 0 ? 1 : small) / (1 + small)
}

private func softmax(_ row: Memory<Float>) {
  var highest = row[0]
  for i in row.indices where row[i] > highest { highest = row[i] }
  let top = Double(highest)
  var sum = 0.0
  for i in row.indices { sum += exp(Double(row[i]) - top) }
  for i in row.indices { row[i] = Float(exp(Double(row[i]) - top) / sum) }
}
