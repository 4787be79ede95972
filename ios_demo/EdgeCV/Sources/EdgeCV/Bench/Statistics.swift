private let mostSamples = 400
private let window = 3  // turns
private let settledShare = 0.03  // how far the medians of two windows may be apart
private let mostDrift = 0.05

/// The turns that two windows take.
let twoWindows = 2 * window

/// The figures of times in microseconds, in order of time.
func latency(_ times: [Double]) -> Latency {
  let sorted = times.sorted()
  return Latency(
    count: times.count, minUs: tidy(sorted[0]), meanUs: tidy(times.reduce(0, +) / Double(times.count)),
    p50Us: tidy(percentile(sorted, 50)), p90Us: tidy(percentile(sorted, 90)), p99Us: tidy(percentile(sorted, 99)),
    samplesUs: thinned(times).map(tidy))
}

/// A percentile q of sorted values lies at q / 100 * (n - 1), linearly between its neighbours.
func percentile(_ sorted: [Double], _ q: Double) -> Double {
  let at = q / 100 * Double(sorted.count - 1)
  let low = Int(at)
  let high = min(low + 1, sorted.count - 1)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - Double(low))
}

func median(_ values: some Sequence<Double>) -> Double { percentile(values.sorted(), 50) }

/// Evenly over the order of time, the first among them.
private func thinned(_ values: [Double]) -> [Double] {
  values.count <= mostSamples ? values : (0..<mostSamples).map { values[$0 * values.count / mostSamples] }
}

/// Without digits that no clock has: a thousandth of a microsecond.
func tidy(_ value: Double) -> Double { (value * 1000).rounded(.toNearestOrEven) / 1000 }

/// Says whether the median of the last turns is within 3 % of the median of those before.
func isSettled(_ medians: [Double]) -> Bool {
  if medians.count < twoWindows { return false }
  let last = median(medians.suffix(window))
  let before = median(medians.suffix(twoWindows).prefix(window))
  return abs(last - before) <= settledShare * before
}

/// The median of the second half of the turns over that of the first half, minus 1; nil for a single turn.
func drift(_ medians: [Double]) -> Double? {
  let half = medians.count / 2
  if half == 0 { return nil }
  let change = median(medians.suffix(half)) / max(median(medians.prefix(half)), 1e-9) - 1
  return (change * 1e5).rounded(.toNearestOrEven) / 1e5
}

/// Everything that speaks against these numbers, a sentence each.
func reasonsAgainst(_ rows: [BenchRow], _ machine: BenchMachine) -> [String] {
  var reasons = machine.throttled == true ? ["the device slowed down because of heat"] : []
  for row in rows where row.notRun == nil {
    if let warmUp = row.warmUp, !warmUp.stable {
      reasons.append("\(row.title): the warm-up did not settle within \(warmUp.seconds) s")
    }
    if let drift = row.drift, abs(drift) > mostDrift {
      let percent = (drift * 1000).rounded() / 10
      reasons.append(
        "\(row.title): p50 changed by \(percent) % from the first half of the turns to the second")
    }
  }
  return reasons
}
