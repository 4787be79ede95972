/// The answer of one head for the last sample. It belongs to a `LivePrediction` and is filled again for the next one.
public class LiveAnswer {
  /// The head's record: its name, kind, title and unit.
  public let head: HeadSpec

  /// The winning class, or the label of the best box; nil where there is none.
  public internal(set) var index: Int?

  let values: Memory<Float>
  let holding: Memory<Bool>

  init(_ head: HeadSpec, count: Int) {
    self.head = head
    values = Memory(repeating: 0, count: count)
    holding = Memory(repeating: false, count: count)
  }

  /// How many scores there are: one for each class, label, column, box or point.
  public var count: Int { values.count }

  /// One of the scores; of a binary output p they are (1 - p, p).
  public func score(_ index: Int) -> Float { values[index] }

  /// Says whether a label holds; false but for multilabel.
  public func holds(_ index: Int) -> Bool { holding[index] }

  /// The name of a class, label or column, or its index as text.
  public func label(_ index: Int) -> String { head.label(index) }

  /// Fill a list with the indices of the best scores, best first, ties by index; -1 where there are no more.
  public func best(into places: inout [Int]) {
    for place in places.indices {
      var found = -1
      for i in 0..<count where found == -1 || values[i] > values[found] {
        if !places[..<place].contains(i) { found = i }
      }
      places[place] = found
    }
  }

  /// The same as a value of the caller's own.
  public func answer() -> Answer { Answer(head: head, index: index, scores: values.array, holds: holding.array) }
}

/// The boxes that were found in the last picture, best first; `index` is the label of the best one.
public final class LiveBoxes: LiveAnswer {
  private let corners: Memory<Float>
  private let labels: Memory<Int>
  private var found = 0

  init(_ head: HeadSpec, most: Int) {
    corners = Memory(repeating: 0, count: cornerCount * most)
    labels = Memory(repeating: 0, count: most)
    super.init(head, count: most)
  }

  /// How many boxes there are.
  public override var count: Int { found }

  /// One of the boxes, in the picture's pixels.
  public func box(_ number: Int) -> Answer.Box {
    precondition(number >= 0 && number < found, "there is no such box")
    let at = cornerCount * number
    return Answer.Box(
      index: labels[number], score: values[number], left: corners[at], top: corners[at + 1], right: corners[at + 2],
      bottom: corners[at + 3])
  }

  /// The same as a value of the caller's own.
  public override func answer() -> Answer {
    let boxes = (0..<found).map(box)
    return Answer(head: head, index: index, scores: boxes.map(\.score), places: .boxes(boxes))
  }

  func clear() { (found, index) = (0, nil) }

  func add(_ box: Answer.Box) {
    let at = cornerCount * found
    corners[at] = box.left
    corners[at + 1] = box.top
    corners[at + 2] = box.right
    corners[at + 3] = box.bottom
    labels[found] = box.index
    values[found] = box.score
    if found == 0 { index = box.index }
    found += 1
  }
}

/// A class for each pixel of the last picture; its scores are the shares of the pixels that the model has seen.
public final class LiveMask: LiveAnswer {
  /// The height of the picture, in pixels.
  public private(set) var height = 0

  /// The width of the picture, in pixels.
  public private(set) var width = 0

  private(set) var mask = Memory<UInt8>(repeating: 0, count: 0)

  init(_ head: HeadSpec, classes: Int) { super.init(head, count: classes) }

  /// The class of one pixel; `unseenClass` where the model has not seen the picture.
  public func classAt(x: Int, y: Int) -> UInt8 { mask[y * width + x] }

  /// The same as a value of the caller's own.
  public override func answer() -> Answer {
    let made = Answer.Mask(height: height, width: width, classes: mask.array)
    return Answer(head: head, index: nil, scores: values.array, places: .mask(made))
  }

  func resize(height: Int, width: Int) {
    (self.height, self.width) = (height, width)
    if mask.count != height * width { mask = Memory(repeating: 0, count: height * width) }
  }
}

/// The points that were found in the last picture, in the order of the head's labels.
public final class LivePoints: LiveAnswer {
  /// x and y of each point.
  let places: Memory<Float>

  override init(_ head: HeadSpec, count: Int) {
    places = Memory(repeating: 0, count: 2 * count)
    super.init(head, count: count)
  }

  /// One of the points, in the picture's pixels; it may be outside.
  public func point(_ number: Int) -> Answer.Point {
    Answer.Point(x: places[2 * number], y: places[2 * number + 1], score: values[number])
  }

  /// The same as a value of the caller's own.
  public override func answer() -> Answer {
    Answer(head: head, index: nil, scores: values.array, places: .points((0..<count).map(point)))
  }
}

/// The picture that the model made of the last one; it has no scores.
public final class LivePicture: LiveAnswer {
  /// The number of bytes of a pixel.
  public let channels: Int

  /// The height of the picture that was made, in pixels.
  public private(set) var height = 0

  /// The width of the picture that was made, in pixels.
  public private(set) var width = 0

  private(set) var pixels = Memory<UInt8>(repeating: 0, count: 0)

  init(_ head: HeadSpec, channels: Int) {
    self.channels = channels
    super.init(head, count: 0)
  }

  /// The same as a value of the caller's own.
  public override func answer() -> Answer {
    let made = Answer.Picture(height: height, width: width, channels: channels, pixels: pixels.array)
    return Answer(head: head, index: nil, scores: [], places: .picture(made))
  }

  func resize(height: Int, width: Int) {
    (self.height, self.width) = (height, width)
    let count = height * width * channels
    if pixels.count != count { pixels = Memory(repeating: 0, count: count) }
  }
}
