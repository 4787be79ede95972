import Foundation

private let sameBox: Float = 0.5  // intersection over union from which on two boxes are of one object
private let nearLevels = 8  // of 256; pixels that differ by no more look the same
private let equalDb = 100.0
private let white = 255.0

/// Boxes of the source and of an artifact, matched one to one: the same label, and an overlap of at least 0.5. The agreement is
/// 2 matched / (boxes of the source + boxes of the artifact), over all samples; 1 without any box.
struct BoxCounts: AnswerCounts {
  private let name: String
  private let find: ([Memory<Float>]) -> FoundBoxes
  private var matched = 0
  private var boxes = 0
  private var given: LabelsGiven

  /// `find` gives the boxes of one sample.
  init(_ spec: HeadSpec, _ find: @escaping ([Memory<Float>]) -> FoundBoxes) {
    name = spec.name
    self.find = find
    given = LabelsGiven(spec)
  }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    let (wanted, got) = (find(reference), find(candidate))
    let (pairs, all) = (matches(wanted, got).count, wanted.count + got.count)
    matched += pairs
    boxes += all
    given.add(wanted.labelSet, got.labelSet)
    return all == 0 ? 1 : 2 * Double(pairs) / Double(all)
  }

  var result: HeadComparison {
    let agreement = boxes == 0 ? 1 : 2 * Double(matched) / Double(boxes)
    return HeadComparison(head: name, agreement: agreement, never: given.never)
  }
}

/// The boxes of one object: each of `wanted`, best first, takes the free one of its label that overlaps it most, the first
/// of equal ones.
func matches(_ wanted: FoundBoxes, _ got: FoundBoxes) -> [(Int, Int)] {
  var isTaken = [Bool](repeating: false, count: got.count)
  return (0..<wanted.count).compactMap { place in
    var (best, share) = (-1, -Float.infinity)
    for other in 0..<got.count where !isTaken[other] && got.labels[other] == wanted.labels[place] {
      let overlap = wanted.overlap(place, got, other)
      if overlap > share { (best, share) = (other, overlap) }
    }
    if share < sameBox { return nil }
    isTaken[best] = true
    return (place, best)
  }
}

/// Pixels of masks: how many have the same class, and the mean intersection over union of the classes that either has.
struct MaskCounts: AnswerCounts {
  private let name: String
  private let masks: ([Memory<Float>]) -> [UInt8]
  private var equal = 0
  private var count = 0
  private var common: [Int]
  private var either: [Int]
  private var given: LabelsGiven

  /// `masks` gives the classes of one sample.
  init(_ spec: HeadSpec, classes: Int, _ masks: @escaping ([Memory<Float>]) -> [UInt8]) {
    name = spec.name
    self.masks = masks
    common = [Int](repeating: 0, count: classes)
    either = [Int](repeating: 0, count: classes)
    given = LabelsGiven(spec)
  }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    let (wanted, got) = (masks(reference).map(Int.init), masks(candidate).map(Int.init))
    var same = 0
    for (ours, theirs) in zip(wanted, got) {
      either[ours] += 1
      if ours == theirs {
        same += 1
        common[ours] += 1
      } else {
        either[theirs] += 1
      }
    }
    equal += same
    count += wanted.count
    given.add(Set(wanted), Set(got))
    return Double(same) / Double(max(1, wanted.count))
  }

  var result: HeadComparison {
    let seen = either.indices.filter { either[$0] > 0 }
    let shares = seen.reduce(0.0) { $0 + Double(common[$1]) / Double(either[$1]) }
    return HeadComparison(
      head: name, agreement: Double(equal) / Double(max(1, count)), never: given.never,
      measured: ["mean_iou": seen.isEmpty ? 1 : shares / Double(seen.count)])
  }
}

/// Parts of answers that are near the source's, such as points: their share over all samples.
struct ShareCounts: AnswerCounts {
  private let name: String
  private let near: ([Memory<Float>], [Memory<Float>]) -> [Double]
  private var sum = 0.0
  private var count = 0

  /// `near` gives for each part of one sample how near it is, in 0..1.
  init(_ name: String, _ near: @escaping ([Memory<Float>], [Memory<Float>]) -> [Double]) {
    self.name = name
    self.near = near
  }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    let shares = near(reference, candidate)
    let total = shares.reduce(0, +)
    sum += total
    count += shares.count
    return total / Double(max(1, shares.count))
  }

  var result: HeadComparison { HeadComparison(head: name, agreement: sum / Double(max(1, count))) }
}

/// Pictures of the source and of an artifact: their peak signal-to-noise ratio, and the share of values within 8 of the source's
/// 0..255.
struct PictureCounts: AnswerCounts {
  private let name: String
  private let pictures: ([Memory<Float>]) -> [UInt8]
  private var near = 0
  private var count = 0
  private var squares = 0.0

  /// `pictures` gives the bytes of one sample's picture.
  init(_ name: String, _ pictures: @escaping ([Memory<Float>]) -> [UInt8]) {
    self.name = name
    self.pictures = pictures
  }

  mutating func add(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    var (close, all) = (0, 0)
    for (wanted, got) in zip(pictures(reference), pictures(candidate)) {
      let error = Int(got) - Int(wanted)
      if abs(error) <= nearLevels { close += 1 }
      squares += Double(error * error)
      all += 1
    }
    near += close
    count += all
    return Double(close) / Double(max(1, all))
  }

  var result: HeadComparison {
    let ratio = squares == 0 ? equalDb : min(equalDb, 10 * log10(white * white * Double(count) / squares))
    return HeadComparison(
      head: name, agreement: Double(near) / Double(max(1, count)), measured: ["psnr_db": ratio])
  }
}
