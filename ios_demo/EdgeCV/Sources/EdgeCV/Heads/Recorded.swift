/// What golden cases record of the answer of one head to one sample, as docs/decoding.md says.
struct Recorded: CustomStringConvertible {
  /// What the head decides; nil where it decides nothing.
  let decisions: [Int]?
  /// The shape of the numbers, with a batch of 1.
  let shape: [Int]
  /// float32, or uint8 of masks and pictures.
  let dtype: String
  private let numbers: [Float]
  private let pixels: [UInt8]

  /// An answer of numbers.
  init(_ decisions: [Int]?, _ shape: [Int], _ numbers: [Float]) {
    (self.decisions, self.shape, self.numbers) = (decisions, shape, numbers)
    (dtype, pixels) = ("float32", [])
  }

  /// An answer of pixels.
  init(_ decisions: [Int]?, _ shape: [Int], pixels: [UInt8]) {
    (self.decisions, self.shape, self.pixels) = (decisions, shape, pixels)
    (dtype, numbers) = ("uint8", [])
  }

  /// Says whether all is equal, but for the last bit of a float32: exponentials may be rounded otherwise.
  func isNear(_ other: Recorded) -> Bool { isSame(other) && zip(numbers, other.numbers).allSatisfy(isNearly) }

  /// Says whether all is equal to the bit.
  func isEqual(_ other: Recorded) -> Bool { isSame(other) && numbers == other.numbers }

  var description: String { "\(decisions ?? []) \(dtype) \(shape) \(numbers.prefix(20)) \(pixels.prefix(20))" }

  private func isSame(_ other: Recorded) -> Bool {
    decisions == other.decisions && shape == other.shape && dtype == other.dtype && pixels == other.pixels
      && numbers.count == other.numbers.count
  }

  private func isNearly(_ one: Float, _ other: Float) -> Bool {
    one == other || one.isNaN && other.isNaN || other == one.nextUp || other == one.nextDown
  }
}
