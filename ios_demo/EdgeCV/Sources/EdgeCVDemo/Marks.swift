import EdgeCV
import Foundation

/// A box with a line of text, in the pixels of the picture.
public struct BoxMark: Equatable, Sendable {
  public let left: Float
  public let top: Float
  public let right: Float
  public let bottom: Float
  public let color: MarkColor
  public let text: String
}

/// A line between two points, in the pixels of the picture.
public struct LineMark: Equatable, Sendable {
  public let x1: Float
  public let y1: Float
  public let x2: Float
  public let y2: Float
  public let color: MarkColor
}

/// A point, in the pixels of the picture.
public struct DotMark: Equatable, Sendable {
  public let x: Float
  public let y: Float
  public let color: MarkColor
}

/// Pixels as red, green, blue and alpha, row by row; the colours are multiplied by alpha already, as Core Graphics takes them.
public struct Layer: Equatable, Sendable {
  public let width: Int
  public let height: Int
  public let pixels: [UInt8]
}

private let leastScore: Float = 0.1  // points with a lower one are not drawn
private let opacity = 115  // of 255: how much of a mask's colour covers the picture
private let backgrounds: Set = ["background", "bg", "none", "no", "unlabeled", "void"]  // names of what is nothing

/// All that is drawn of answers over a picture, the first of each list on top.
public struct Marks: Equatable, Sendable {
  /// The size of the picture, upright, in pixels.
  public let width: Int
  public let height: Int
  public private(set) var boxes: [BoxMark] = []
  public private(set) var lines: [LineMark] = []
  public private(set) var dots: [DotMark] = []
  /// They lie over all of the picture.
  public private(set) var masks: [Layer] = []
  /// The pictures that a model makes, shown in a corner.
  public private(set) var made: [Layer] = []

  /// What is drawn of all heads' answers; of labels and numbers nothing, which are text.
  public init(_ answers: [Answer], width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    for answer in answers {
      switch answer.places {
      case .none: break
      case .boxes(let found): boxes += found.map { box($0, answer.head) }
      case .points(let points): add(points, answer.head.decode?.skeleton ?? [])
      case .mask(let mask): masks.append(layer(mask, answer.head))
      case .picture(let picture): made.append(layer(picture))
      }
    }
  }

  /// What is drawn of a prediction; nil of what was no picture.
  init?(_ answers: [Answer], _ picture: PicturePlace?) {
    guard let picture else { return nil }
    self.init(answers, width: picture.width, height: picture.height)
  }

  private mutating func add(_ points: [Answer.Point], _ skeleton: [[Int]]) {
    for (number, ends) in skeleton.enumerated() {
      let (from, to) = (points[ends[0]], points[ends[1]])
      if min(from.score, to.score) < leastScore { continue }
      lines.append(LineMark(x1: from.x, y1: from.y, x2: to.x, y2: to.y, color: Palette.color(of: number)))
    }
    for (number, point) in points.enumerated() where point.score >= leastScore {
      dots.append(DotMark(x: point.x, y: point.y, color: Palette.color(of: number)))
    }
  }
}

private func box(_ box: Answer.Box, _ head: HeadSpec) -> BoxMark {
  BoxMark(
    left: box.left, top: box.top, right: box.right, bottom: box.bottom, color: Palette.color(of: box.index),
    text: "\(head.label(box.index)) \(Lines.share(box.score))")
}

/// The colours of a mask's classes; none where the model has not seen the picture, nor of a class that is nothing: the first one
/// of yes and no, of a head without labels, and where its name says so.
private func layer(_ mask: Answer.Mask, _ head: HeadSpec) -> Layer {
  let isPlain = !head.thresholds.isEmpty || head.labels.map { backgrounds.contains($0[0].lowercased()) } ?? true
  let colors: [UInt8] = (0...255).flatMap { index -> [UInt8] in
    if index == Int(unseenClass) || isPlain && index == 0 { return [0, 0, 0, 0] }
    let color = Palette.color(of: index)
    func part(_ value: UInt8) -> UInt8 { UInt8((Int(value) * opacity + 127) / 255) }
    return [part(color.red), part(color.green), part(color.blue), UInt8(opacity)]
  }
  var pixels = [UInt8](repeating: 0, count: 4 * mask.classes.count)
  for (pixel, index) in mask.classes.enumerated() {
    for part in 0..<4 { pixels[4 * pixel + part] = colors[4 * Int(index) + part] }
  }
  return Layer(width: mask.width, height: mask.height, pixels: pixels)
}

private func layer(_ picture: Answer.Picture) -> Layer {
  let channels = picture.channels
  var pixels: [UInt8] = []
  pixels.reserveCapacity(4 * picture.width * picture.height)
  for begin in stride(from: 0, to: picture.pixels.count, by: channels) {
    for part in 0..<3 { pixels.append(picture.pixels[begin + min(part, channels - 1)]) }
    pixels.append(255)
  }
  return Layer(width: picture.width, height: picture.height, pixels: pixels)
}

/// How an upright picture is shown whole in the middle of a view: what is drawn over it goes the same way.
public struct PictureFit: Equatable, Sendable {
  private static let corner = 3.0  // a made picture is at most this part of the view wide and high

  private let view: CGSize
  private let scale: Double

  /// Where the picture is shown.
  public let frame: CGRect

  /// The fit of a picture of marks into a view.
  public init(_ view: CGSize, _ marks: Marks) {
    let (width, height) = (Double(marks.width), Double(marks.height))
    self.view = view
    scale = min(Double(view.width) / width, Double(view.height) / height)
    frame = CGRect(
      x: (Double(view.width) - scale * width) / 2, y: (Double(view.height) - scale * height) / 2, width: scale * width,
      height: scale * height)
  }

  /// Where a place in the picture, in its pixels, is in the view.
  public func point(_ x: Float, _ y: Float) -> CGPoint {
    CGPoint(x: Double(frame.minX) + scale * Double(x), y: Double(frame.minY) + scale * Double(y))
  }

  /// Where a box is in the view.
  public func rect(_ box: BoxMark) -> CGRect {
    let (first, last) = (point(box.left, box.top), point(box.right, box.bottom))
    return CGRect(x: first.x, y: first.y, width: last.x - first.x, height: last.y - first.y)
  }

  /// Where the text of a box is in the view, which is so large: above it, or inside where there is no room above.
  public func label(_ box: BoxMark, _ size: CGSize) -> CGRect {
    let corner = point(box.left, box.top)
    let x = max(0, min(corner.x, view.width - size.width))
    let y = corner.y >= size.height ? corner.y - size.height : min(corner.y, view.height - size.height)
    return CGRect(x: x, y: y, width: size.width, height: size.height)
  }

  /// Where a made picture is in the view: in the upper right corner, below so many others.
  public func corner(_ made: Layer, below others: Int) -> CGRect {
    let (width, height) = (Double(made.width), Double(made.height))
    let small = min(Double(view.width) / width, Double(view.height) / height) / PictureFit.corner
    return CGRect(
      x: Double(view.width) - small * width, y: small * height * Double(others), width: small * width,
      height: small * height)
  }
}
