import Testing

@testable import EdgeCV
@testable import TestSupport

/// Every golden vector of decoding, in every bit; and what is read again and again is what is read once.
struct DecodeVectorTests {
  @Test func allVectorsAreThereOfEveryForm() {
    let cases = GoldenVectors.decoding
    #expect(cases.count >= 235)
    #expect(Set(cases.map(\.name)).count == cases.count)
    #expect(Set(cases.map(\.head.kind)) == [.detection, .segmentation, .keypoints, .image, .embedding])
    #expect(Set(cases.compactMap { $0.head.decode.map(form) }).count == 9)
  }

  @Test(arguments: GoldenVectors.decoding) func everyVectorGivesItsBits(_ vector: DecodeVector) throws {
    let made = try vector.open().recorded(vector.values(), vector.place())
    let wanted = try vector.wanted()
    #expect(made.isEqual(wanted), "\(made) is not \(wanted)")
  }

  @Test(arguments: GoldenVectors.decoding)
  func aLiveAnswerHasTheNumbersOfEveryVectorTheSecondTimeAsWell(_ vector: DecodeVector) throws {
    let (head, outputs, place) = (try vector.open(), try vector.values(), try vector.place())
    let live = head.answer()
    let others = outputs.map { output in Memory(output.indices.map { Float(($0 * 7919 % 23) - 11) / 8 }) }
    try head.read(others, into: live, place)
    try head.read(outputs, into: live, place)
    let (made, wanted) = (live.answer(), try vector.wanted())
    #expect(recorded(made).isEqual(wanted))
    #expect(made.index == wanted.decisions?.first)
    guard case .mask(let mask) = made.places else { return }
    let seen = mask.classes.filter { $0 != unseenClass }
    let shares = made.scores.indices.map { label in
      Float(Double(seen.count { Int($0) == label }) / Double(max(1, seen.count)))
    }
    #expect(made.scores == shares)
  }

  @Test func aModelThatGivesNaNHasNoPlaces() throws {
    for kind in [HeadKind.detection, .segmentation, .keypoints, .image] {
      let vector = try #require(GoldenVectors.decoding.first { $0.head.kind == kind })
      let (head, outputs) = (try vector.open(), try vector.values())
      outputs[outputs.count - 1][0] = .nan
      #expect(throws: EngineError.self) { try head.read(outputs, into: head.answer(), nil) }
    }
  }

  /// An answer as golden cases record it.
  private func recorded(_ answer: Answer) -> Recorded {
    switch answer.places {
    case .none: Recorded(nil, [1, answer.scores.count], answer.scores)
    case .boxes(let boxes):
      Recorded(
        boxes.map(\.index), [1, boxes.count, 5], boxes.flatMap { [$0.left, $0.top, $0.right, $0.bottom, $0.score] })
    case .mask(let mask): Recorded(nil, [1, mask.height, mask.width], pixels: mask.classes)
    case .points(let points): Recorded(nil, [1, points.count, 3], points.flatMap { [$0.x, $0.y, $0.score] })
    case .picture(let made): Recorded(nil, [1, made.height, made.width, made.channels], pixels: made.pixels)
    }
  }

  private func form(_ decoder: HeadDecoder) -> String {
    switch decoder {
    case .boxes(let boxes): "\(boxes.form)".split(separator: "(").first.map(String.init) ?? ""
    case .planes: "planes"
    case .coordinates: "points"
    case .heatmaps: "maps"
    case .pixels: "pixels"
    }
  }
}
