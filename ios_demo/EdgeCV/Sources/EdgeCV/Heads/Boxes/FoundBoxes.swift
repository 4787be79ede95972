/// The boxes of one sample, best first: corners, labels, scores and rows of the outputs of the first `count`.
final class FoundBoxes {
  let corners: Memory<Float>
  let labels: Memory<Int>
  let scores: Memory<Float>
  let rows: Memory<Int>
  private(set) var count = 0

  init(most: Int) {
    corners = Memory(repeating: 0, count: cornerCount * most)
    labels = Memory(repeating: 0, count: most)
    scores = Memory(repeating: 0, count: most)
    rows = Memory(repeating: 0, count: most)
  }

  func clear() { count = 0 }

  /// Write the corners of a box behind the last one; false where it is none. It is one of them once it is kept.
  func store(_ sides: Sides) -> Bool {
    let at = cornerCount * count
    corners[at] = Float(sides.left)
    corners[at + 1] = Float(sides.top)
    corners[at + 2] = Float(sides.right)
    corners[at + 3] = Float(sides.bottom)
    for i in at..<at + cornerCount where !corners[i].isFinite { return false }
    return corners[at + 2] > corners[at] && corners[at + 3] > corners[at + 1]
  }

  /// Keep the box that was written behind the last one.
  func keep(_ label: Int, _ score: Float, _ row: Int) {
    labels[count] = label
    scores[count] = score
    rows[count] = row
    count += 1
  }

  /// The intersection over union of a box and one of others, each operation in float32; 0 where they do not meet.
  func overlap(_ one: Int, _ others: FoundBoxes, _ other: Int) -> Float {
    let (a, b) = (cornerCount * one, cornerCount * other)
    let (mine, theirs) = (corners, others.corners)
    let wide = min(mine[a + 2], theirs[b + 2]) - max(mine[a], theirs[b])
    let tall = min(mine[a + 3], theirs[b + 3]) - max(mine[a + 1], theirs[b + 1])
    let common = max(wide, 0) * max(tall, 0)
    if !(common > 0) { return 0 }
    return common / ((area(a) + others.area(b)) - common)
  }

  private func area(_ at: Int) -> Float { (corners[at + 2] - corners[at]) * (corners[at + 3] - corners[at + 1]) }

  /// The labels of the boxes.
  var labelSet: Set<Int> { Set((0..<count).map { labels[$0] }) }
}
