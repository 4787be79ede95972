/// How many samples an answer must be given to before its absence says something.
private let enough = 5
private let many = 20  // places at which the source gives a whole number, before its absence says something

/// Counts over samples of the outputs of the source and of an artifact, as Python's heads count them.
protocol AnswerCounts {
  /// Take in all outputs of one sample; returns how much of its answer is the same: 0..1.
  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) throws -> Double

  /// The comparison over all samples so far.
  var result: HeadComparison { get }
}

/// The decisions of a head that makes some, counted: how often both agree, and which answers the artifact never gives.
struct DecisionCounts: AnswerCounts {
  private let head: any ScoreHead
  private let isOneClass: Bool
  private var count = 0
  private var agreed = 0
  private var source: [Decision: Int] = [:]
  private var artifact: Set<Decision> = []

  private struct Decision: Hashable {
    let place: Int
    let value: Int
  }

  init<Kind: ScoreHead>(_ head: Kind) {
    self.head = head
    isOneClass = Kind.isOneClass
  }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) throws -> Double {
    let wanted = try head.decisions(reference)?.enumerated().map(Decision.init)
    let got = try head.decisions(candidate)?.enumerated().map(Decision.init)
    for decision in wanted ?? [] { source[decision, default: 0] += 1 }
    artifact.formUnion(got ?? [])
    let isSame = wanted != nil && wanted == got
    count += 1
    if isSame { agreed += 1 }
    return isSame ? 1 : 0
  }

  var result: HeadComparison {
    HeadComparison(head: head.spec.name, agreement: Double(agreed) / Double(max(1, count)), never: never.sorted())
  }

  private var never: [String] {
    source.filter { $0.value >= enough && !artifact.contains($0.key) }.keys.map { decision in
      if isOneClass { return head.spec.label(decision.value) }
      return "\(head.spec.label(decision.place)): \(decision.value == 1 ? "yes" : "no")"
    }
  }
}

/// The values of one head that are whole numbers, counted: an index is right or wrong, and has no noise. Only places at which the
/// source's values change are counted, where there are any: the others, such as padding, are right by themselves.
struct WholeCounts: AnswerCounts {
  private let head: any Head
  private var count = 0
  private var first: [Float] = []
  private var equal: [Int] = []  // how often, by place
  private var moves: [Bool] = []
  private var source: [Int64: Int] = [:]
  private var artifact: Set<Int64> = []

  init(_ head: any Head) { self.head = head }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    let wanted = reference[head.place].array
    let got = candidate[head.place].array
    if count == 0 {
      first = wanted
      equal = [Int](repeating: 0, count: wanted.count)
      moves = [Bool](repeating: false, count: wanted.count)
    }
    for i in wanted.indices {
      if wanted[i] == got[i] { equal[i] += 1 }
      if wanted[i] != first[i] { moves[i] = true }
    }
    for value in wanted where value.isFinite { source[whole(value), default: 0] += 1 }
    for value in got where value.isFinite { artifact.insert(whole(value)) }
    count += 1
    return Double(zip(wanted, got).count { $0 == $1 }) / Double(max(1, wanted.count))
  }

  var result: HeadComparison {
    let moving = equal.indices.filter { moves[$0] }
    let judged = moving.isEmpty ? Array(equal.indices) : moving
    let agreement = Double(judged.reduce(0) { $0 + equal[$1] }) / Double(max(1, count * judged.count))
    let never = source.filter { $0.value >= many && !artifact.contains($0.key) }.keys.sorted().map(String.init)
    let wrong = count >= enough ? moving.filter { equal[$0] == 0 } : []
    return HeadComparison(
      head: head.spec.name, agreement: agreement, never: never + wrong.map { "the value at [\($0)]" })
  }

  /// The whole number of a finite one, or the nearest that there is.
  private func whole(_ value: Float) -> Int64 { Int64(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max) }
}

/// The number of samples in which the source gives each label, and the labels that the artifact gives in any.
struct LabelsGiven {
  private let spec: HeadSpec
  private var source: [Int: Int] = [:]
  private var artifact: Set<Int> = []

  init(_ spec: HeadSpec) { self.spec = spec }

  /// Take in the labels of one sample.
  mutating func add(_ wanted: Set<Int>, _ got: Set<Int>) {
    for label in wanted { source[label, default: 0] += 1 }
    artifact.formUnion(got)
  }

  /// The labels that the source gives in several samples, and the artifact in none.
  var never: [String] {
    source.filter { $0.value >= enough && !artifact.contains($0.key) }.keys.sorted().map(spec.label)
  }
}
