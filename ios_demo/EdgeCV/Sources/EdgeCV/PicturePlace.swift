/// The way from a model's input back to the picture that was fitted into it. Pixels count to the right and down; the first one
/// reaches from 0 to 1.
public struct PicturePlace: Equatable, Sendable {
  /// The height of the picture, upright, in pixels.
  public let height: Int

  /// The width of the picture, upright, in pixels.
  public let width: Int

  /// Whether every place of the input is the same place in the picture.
  let isUnchanged: Bool

  let placement: Placement

  init(height: Int, width: Int, _ placement: Placement) {
    self.height = height
    self.width = width
    self.placement = placement
    isUnchanged = placement.down.isUnchanged && placement.across.isUnchanged
  }

  /// That of a picture which is the input itself.
  init(height: Int, width: Int) {
    self.init(height: height, width: width, Placement(wholeOf: height, width))
  }

  var size: Canvas { Canvas(height: height, width: width) }

  /// Where a place in the input, in its pixels from the left, is in the picture; it may be outside.
  public func x(_ input: Double) -> Double { isUnchanged ? input : placement.across.back(input) }

  /// Where a place in the input, in its pixels from the top, is in the picture; it may be outside.
  public func y(_ input: Double) -> Double { isUnchanged ? input : placement.down.back(input) }
}
