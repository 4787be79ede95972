extension Answer {
  /// The places in a picture that a head found, in its pixels, or the picture that it made.
  public enum Places: Equatable, Sendable {
    /// The kind has none.
    case none

    /// The boxes that were found, best first.
    case boxes([Box])

    case mask(Mask)

    /// The points that were found, in the order of the head's labels.
    case points([Point])

    case picture(Picture)
  }

  /// A box: the index of its label, its score, and its sides.
  public struct Box: Equatable, Sendable {
    public let index: Int
    public let score: Float
    public let left: Float
    public let top: Float
    public let right: Float
    public let bottom: Float
  }

  /// A class for each pixel of a picture.
  public struct Mask: Equatable, Sendable {
    public let height: Int
    public let width: Int
    /// The class of each pixel, row by row; `unseenClass` where the model has not seen the picture.
    public let classes: [UInt8]
  }

  /// A point, which may be outside of the picture, and its score; 1 where the model has none.
  public struct Point: Equatable, Sendable {
    public let x: Float
    public let y: Float
    public let score: Float
  }

  /// A picture that the model makes.
  public struct Picture: Equatable, Sendable {
    public let height: Int
    public let width: Int
    public let channels: Int
    /// The bytes of each pixel's channels, row by row.
    public let pixels: [UInt8]
  }
}
