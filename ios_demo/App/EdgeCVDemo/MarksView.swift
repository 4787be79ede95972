import CoreGraphics
import EdgeCVDemo
import Foundation
import SwiftUI

/// Draws boxes, masks, points and made pictures over a picture that is shown whole in the middle of the same place.
struct MarksView: View {
  let marks: Marks

  private static let thick = 2.0
  private static let dot = 4.0
  private static let edge = 1.0

  var body: some View {
    Canvas { context, size in
      let fit = PictureFit(size, marks)
      for mask in marks.masks { draw(mask, in: fit.frame, context) }
      for line in marks.lines.reversed() { draw(line, fit, context) }
      for dot in marks.dots.reversed() { draw(dot, fit, context) }
      for box in marks.boxes.reversed() { draw(box, fit, size, context) }
      for (number, made) in marks.made.enumerated() { draw(made, in: fit.corner(made, below: number), context) }
    }
    .accessibilityHidden(true)  // the same is said in words
  }

  private func draw(_ layer: Layer, in frame: CGRect, _ context: GraphicsContext) {
    guard let image = layer.image else { return }
    context.draw(Image(decorative: image, scale: 1), in: frame)
  }

  private func draw(_ line: LineMark, _ fit: PictureFit, _ context: GraphicsContext) {
    var path = Path()
    path.move(to: fit.point(line.x1, line.y1))
    path.addLine(to: fit.point(line.x2, line.y2))
    context.stroke(path, with: .color(line.color.color), lineWidth: MarksView.thick)
  }

  private func draw(_ dot: DotMark, _ fit: PictureFit, _ context: GraphicsContext) {
    let middle = fit.point(dot.x, dot.y)
    for (radius, color) in [(MarksView.dot + MarksView.edge, Color.black), (MarksView.dot, dot.color.color)] {
      let circle = CGRect(x: middle.x - radius, y: middle.y - radius, width: 2 * radius, height: 2 * radius)
      context.fill(Path(ellipseIn: circle), with: .color(color))
    }
  }

  private func draw(_ box: BoxMark, _ fit: PictureFit, _ size: CGSize, _ context: GraphicsContext) {
    let color = GraphicsContext.Shading.color(box.color.color)
    context.stroke(Path(fit.rect(box)), with: color, lineWidth: MarksView.thick)
    let text = context.resolve(Text(box.text).font(.footnote).foregroundColor(.black))
    let label = fit.label(box, text.measure(in: size))
    context.fill(Path(label), with: color)
    context.draw(text, in: label)
  }
}

extension MarkColor {
  fileprivate var color: Color { Color(red: Double(red) / 255, green: Double(green) / 255, blue: Double(blue) / 255) }
}

extension Layer {
  /// The pixels as Core Graphics has them; nil where it does not take them.
  fileprivate var image: CGImage? {
    guard let provider = CGDataProvider(data: Data(pixels) as CFData), let space = CGColorSpace(name: CGColorSpace.sRGB) else {
      return nil
    }
    return CGImage(
      width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: 4 * width, space: space,
      bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue), provider: provider, decode: nil,
      shouldInterpolate: false, intent: .defaultIntent)
  }
}
