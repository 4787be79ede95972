import EdgeCV
import Foundation

/// A colour of red, green and blue, 0..255 each.
public struct MarkColor: Equatable, Sendable {
  public let red: UInt8
  public let green: UInt8
  public let blue: UInt8
}

/// Colours for classes that stay apart for people who do not see all colours: those of Python's `edgecv run`.
///
/// From M. Okabe and K. Ito, Color universal design (2008), without black; ordered so that neighbours differ most.
enum Palette {
  private static let darker = 0.75
  private static let mostTimes = 4
  private static let colors: [(Double, Double, Double)] = [
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
  ]

  /// The colour of a class: those of the palette, then the same ones darker by a quarter each time.
  static func color(of index: Int) -> MarkColor {
    let share = pow(darker, Double(min(index / colors.count, mostTimes)))
    let (red, green, blue) = colors[index % colors.count]
    func part(_ value: Double) -> UInt8 { UInt8((value * share).rounded(.toNearestOrEven)) }
    return MarkColor(red: part(red), green: part(green), blue: part(blue))
  }
}
