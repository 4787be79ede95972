/// A vector of length one: the output divided by its length.
final class Embedding: Head {
  static var hasShares: Bool { false }

  let setting: HeadSetting

  init(_ setting: HeadSetting) { self.setting = setting }

  func answer() -> LiveAnswer { LiveAnswer(spec, count: form.width) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    scale(outputs[place], into: answer.values)
    for i in answer.values.indices where answer.values[i].isNaN { throw notFinite() }
  }

  /// In float64, squares added in their order, rounded to float32 once; zeros stay zeros.
  private func scale(_ values: Memory<Float>, into vector: Memory<Float>) {
    var squares = 0.0
    for i in values.indices { squares += Double(values[i]) * Double(values[i]) }
    let length = squares.squareRoot()
    for i in values.indices { vector[i] = length == 0 ? 0 : Float(Double(values[i]) / length) }
  }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    Recorded(nil, [1, form.width], vector(outputs).array)
  }

  private func vector(_ outputs: [Memory<Float>]) -> Memory<Float> {
    let vector = Memory<Float>(repeating: 0, count: form.width)
    scale(outputs[place], into: vector)
    return vector
  }

  func comparison() -> (any AnswerCounts)? { ShareCounts(spec.name) { [self] in [cosine($0, $1)] } }

  private func cosine(_ reference: [Memory<Float>], _ candidate: [Memory<Float>]) -> Double {
    let (wanted, got) = (vector(reference), vector(candidate))
    let product = wanted.indices.reduce(0.0) { $0 + Double(wanted[$1]) * Double(got[$1]) }
    return product > 0 ? min(product, 1) : 0
  }

  static func checkLabels(_ form: HeadForm, _ count: Int) throws {}  // nothing is read by them

  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.scores.indices.prefix(most).map(answer.at) }
}
