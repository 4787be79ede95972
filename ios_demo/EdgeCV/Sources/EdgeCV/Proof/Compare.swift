import Foundation

/// What stands for infinity, which JSON has not.
let infinite = Double.greatestFiniteMagnitude

private let mostFlips = 100
private let nearly = 0.9  // of a sample's answers, which agree where so much is equal

/// Sums over samples of how far an artifact's outputs are from the source's, as `edgecv verify` computes it: over all values,
/// and by head and by part of each output. A sample agrees as far as the answers of all heads do. Whole numbers, such as indices,
/// are equal or not.
struct ComparisonSum {
  private var answers: [(decides: Bool, counts: any AnswerCounts)]
  private var parts: [OutputSums?]
  private let sorting: [any Head]
  private let sorted: Set<Int>
  private let names: [String]
  private var isPaired = Set<Int>()  // sorted outputs of which there were rows
  private var count = 0
  private var elements = 0
  private var agreed = 0.0
  private var nonFinite = 0
  private var maxError = 0.0
  private var sumError = 0.0
  private var errorPower = 0.0
  private var referencePower = 0.0
  private var candidatePower = 0.0
  private var dot = 0.0
  private var flips: [String] = []

  /// `outputs` are the source's records of each output, in the order of the artifact's.
  init(_ heads: [any Head], _ outputs: [TensorSpec]) {
    let counting = heads.compactMap { head in head.comparison().map { (head: head, counts: $0) } }
    let whole = Set(counting.filter { $0.counts is WholeCounts }.flatMap(\.head.spec.outputs))
    let decided = Set(heads.filter { type(of: $0).decides }.flatMap(\.spec.outputs))
    answers = counting.map { (type(of: $0.head).decides, $0.counts) }
    sorting = heads.filter(\.sorts)
    sorted = Set(sorting.flatMap(\.setting.places))
    names = outputs.map(\.name)
    parts = outputs.map { output in
      if whole.contains(output.name) { return nil }
      return OutputSums(output.name, output.shape, byColumn: !decided.contains(output.name))
    }
  }

  /// Take in one sample: each output of the source, and the artifact's in the same order.
  mutating func add(_ id: String, _ reference: [[Float]], _ candidate: [[Float]]) throws {
    let finite = reference.indices.map { isFinite(reference[$0]) && isFinite(candidate[$0]) }
    let isWholeAlone = parts.allSatisfy { $0 == nil }
    for i in reference.indices where finite[i] && !sorted.contains(i) && (parts[i] != nil || isWholeAlone) {
      addOutput(i, reference[i], candidate[i])
    }
    let isWhole = finite.allSatisfy { $0 }
    var share = isWhole ? 1.0 : 0.0
    let (wanted, got) = (reference.map { Memory($0) }, candidate.map { Memory($0) })
    for row in sorting.flatMap({ $0.paired(wanted, got) }) {
      if isPaired.insert(row.place).inserted {
        parts[row.place] = OutputSums(names[row.place], [1, row.reference.count], byColumn: true)
      }
      addOutput(row.place, row.reference, row.candidate)
    }
    for i in answers.indices { share = min(share, try answers[i].counts.add(wanted, got)) }
    count += 1
    if !isWhole { nonFinite += 1 }
    agreed += share
    if share < nearly && flips.count < mostFlips { flips.append(id) }
  }

  private mutating func addOutput(_ place: Int, _ reference: [Float], _ candidate: [Float]) {
    parts[place]?.add(reference, candidate)
    for (expected, got) in zip(reference.lazy.map(Double.init), candidate.lazy.map(Double.init)) {
      let error = abs(expected - got)
      maxError = max(maxError, error)
      sumError += error
      errorPower += error * error
      referencePower += expected * expected
      candidatePower += got * got
      dot += expected * got
    }
    elements += reference.count
  }

  var result: Comparison {
    let isBroken = nonFinite > 0
    let heads = answers.map(\.counts.result)
    let byPart = zip(answers, heads).filter { !$0.0.decides }.map(\.1.agreement)
    return Comparison(
      count: count,
      maxAbsError: isBroken ? infinite : maxError,
      meanAbsError: isBroken ? infinite : sumError / Double(max(1, elements)),
      cosine: isBroken ? 0 : cosine,
      snrDb: isBroken ? -infinite : signalToNoise(referencePower, errorPower),
      agreement: heads.isEmpty ? nil : byPart.reduce(agreed / Double(count), min),
      flips: !heads.isEmpty || isBroken ? flips : [],
      nonFinite: nonFinite,
      heads: heads,
      parts: parts.indices.filter { !sorted.contains($0) || isPaired.contains($0) }.flatMap { parts[$0]?.parts ?? [] })
  }

  private var cosine: Double {
    if referencePower == 0 && candidatePower == 0 { return 1 }
    let norm = referencePower.squareRoot() * candidatePower.squareRoot()
    return norm == 0 ? 0 : max(-1, min(1, dot / norm))
  }
}

/// The ratio of two sums of squares in dB; nil without an error, `infinite` below zero without a signal.
func signalToNoise(_ referencePower: Double, _ errorPower: Double) -> Double? {
  if errorPower == 0 { return nil }
  return referencePower == 0 ? -infinite : 10 * (log10(referencePower) - log10(errorPower))
}

func isFinite(_ values: [Float]) -> Bool { values.allSatisfy(\.isFinite) }

func isFinite(_ values: Memory<Float>) -> Bool {
  for i in values.indices where !values[i].isFinite { return false }
  return true
}
