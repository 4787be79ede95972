import Foundation
import TestSupport
import Testing

@testable import EdgeCV
@testable import EdgeCVDemo

/// What is drawn of answers, and where.
struct MarksTests {
  private func head(
    _ kind: HeadKind, labels: [String]? = nil, thresholds: [Double] = [], decode: HeadDecoder? = nil
  ) -> HeadSpec {
    HeadSpec(
      name: "a", kind: kind, outputs: ["a"], labels: labels, activation: .none, thresholds: thresholds, decode: decode,
      title: nil, unit: nil)
  }

  private func marks(_ head: HeadSpec, _ places: Answer.Places) -> Marks {
    Marks([Answer(head: head, index: nil, scores: [], places: places)], width: 50, height: 100)
  }

  @Test func classesHaveTheColoursThatTheyHaveInPython() throws {
    let data = try Data(contentsOf: Bundles.folder.appendingPathComponent("colors.json"))
    let python = try JSONDecoder().decode([[UInt8]].self, from: data)
    #expect(python.count > 30)
    let made = python.indices.map(Palette.color(of:)).map { [$0.red, $0.green, $0.blue] }
    #expect(made == python)
  }

  @Test func aBoxHasItsLabelItsShareAndItsClasssColour() {
    let box = Answer.Box(index: 1, score: 0.875, left: 1, top: 2, right: 3, bottom: 4)
    let found = marks(head(.detection, labels: ["cat", "dog"]), .boxes([box]))
    let color = Palette.color(of: 1)
    #expect(found.boxes == [BoxMark(left: 1, top: 2, right: 3, bottom: 4, color: color, text: "dog 87.5 %")])
    #expect(Lines.share(3.5) == "3.5")
  }

  @Test func pointsThatTheModelDoesNotBelieveInAreLeftOutWithTheirLines() {
    let points = [(1, 2, 0.9), (3, 4, 0.1), (5, 6, 0.09)].map { Answer.Point(x: $0.0, y: $0.1, score: $0.2) }
    let face = head(.keypoints, decode: .heatmaps(centre: 0.5, skeleton: [[0, 1], [1, 2]]))
    let found = marks(face, .points(points))
    let colors = (0..<2).map(Palette.color(of:))
    #expect(found.dots == [DotMark(x: 1, y: 2, color: colors[0]), DotMark(x: 3, y: 4, color: colors[1])])
    #expect(found.lines == [LineMark(x1: 1, y1: 2, x2: 3, y2: 4, color: colors[0])])
  }

  @Test func aMaskHasItsClassesColoursAndNoneOfNothing() {
    let mask = Answer.Places.mask(Answer.Mask(height: 1, width: 3, classes: [0, 1, unseenClass]))
    func alphas(_ head: HeadSpec) -> [UInt8] {
      let layer = marks(head, mask).masks[0]
      return (0..<3).map { layer.pixels[4 * $0 + 3] }
    }
    #expect(alphas(head(.segmentation, labels: ["sky", "road"])) == [115, 115, 0])
    #expect(alphas(head(.segmentation, labels: ["Background", "road"])) == [0, 115, 0])
    #expect(alphas(head(.segmentation, labels: ["no road", "road"], thresholds: [0.5])) == [0, 115, 0])
    #expect(alphas(head(.segmentation)) == [0, 115, 0])
    let layer = marks(head(.segmentation, labels: ["sky", "road"]), mask).masks[0]
    #expect(layer.pixels.prefix(3) == [104, 72, 0])  // 230, 159, 0 times 115 / 255
    #expect((layer.width, layer.height) == (3, 1))
  }

  @Test func aPictureIsShownWithItsColoursOrGray() {
    let colour = Answer.Picture(height: 1, width: 2, channels: 3, pixels: [1, 2, 255, 4, 5, 6])
    let gray = Answer.Picture(height: 2, width: 1, channels: 1, pixels: [255, 16])
    #expect(marks(head(.image), .picture(colour)).made.map(\.pixels) == [[1, 2, 255, 255, 4, 5, 6, 255]])
    #expect(marks(head(.image), .picture(gray)).made.map(\.pixels) == [[255, 255, 255, 255, 16, 16, 16, 255]])
  }

  @Test func whatIsDrawnLiesWhereThePictureIsShown() {
    let box = Answer.Box(index: 0, score: 1, left: 10, top: 20, right: 30, bottom: 40)
    let found = marks(head(.detection), .boxes([box]))
    let tall = PictureFit(CGSize(width: 100, height: 400), found)  // twice as large, 100 free above and below
    #expect(tall.frame == CGRect(x: 0, y: 100, width: 100, height: 200))
    #expect(tall.point(50, 100) == CGPoint(x: 100, y: 300))
    #expect(tall.rect(found.boxes[0]) == CGRect(x: 20, y: 140, width: 40, height: 40))
    let wide = PictureFit(CGSize(width: 400, height: 100), found)  // of its own size, 175 free at both sides
    #expect(wide.point(0, 0) == CGPoint(x: 175, y: 0) && wide.point(10, 5) == CGPoint(x: 185, y: 5))
    #expect(tall.label(found.boxes[0], CGSize(width: 30, height: 14)) == CGRect(x: 20, y: 126, width: 30, height: 14))
    #expect(tall.label(found.boxes[0], CGSize(width: 90, height: 14)).origin.x == 10)
    #expect(wide.label(found.boxes[0], CGSize(width: 30, height: 24)).origin.y == 20)
    let layer = Layer(width: 10, height: 10, pixels: [])
    #expect(tall.corner(layer, below: 1).maxX == 100 && abs(tall.corner(layer, below: 1).minY - 100.0 / 3) < 1e-9)
  }

  @Test func pointsAndPicturesAreSaidInWords() {
    let nose = head(.keypoints, labels: ["nose"])
    let point = Answer(head: nose, index: nil, scores: [1], places: .points([Answer.Point(x: 12.5, y: 30, score: 1)]))
    #expect(Lines.answers([point]) == ["nose  12.5, 30.0"])
    let many = (0..<9).map { Answer.Point(x: Float($0), y: 0, score: 1) }
    let answer = Answer(head: head(.keypoints), index: nil, scores: many.map(\.score), places: .points(many))
    #expect(Lines.answers([answer]).count == 9 && Lines.answers([answer]).last == "... (9 points)")
    let made = Answer.Picture(height: 2, width: 3, channels: 1, pixels: [])
    #expect(Lines.answers([Answer(head: head(.image), index: nil, scores: [], places: .picture(made))]) == ["a picture of 3 x 2"])
    let none = Answer(head: head(.detection), index: nil, scores: [], places: .boxes([]))
    #expect(Lines.answers([none]) == [Words.noLabelHolds])
  }
}
