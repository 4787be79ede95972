private let axes = 4  // of planes: batch, height, width, classes
private let leastShare: Float = 0.0005

/// A class for each pixel of the picture: of several planes the largest, of one by its threshold.
final class Segmentation: PlaceHead {
  static var decidesByThreshold: Bool { true }

  let setting: HeadSetting
  private let classes: Int
  private let choice: Choice
  private let single: Memory<Float>?
  private let maker: MaskMaker
  private let whole: PicturePlace
  private let counts = Memory(repeating: 0, count: Int(unseenClass) + 1)

  init(_ setting: HeadSetting) {
    guard case .planes(let kernel)? = setting.form.spec.decode else {
      preconditionFailure("checked when the manifest was read")
    }
    self.setting = setting
    let (form, canvas) = (setting.form, setting.form.picture)
    let planes = Segmentation.planeCount(form)
    classes = max(2, planes)
    choice = Choice(planes: planes, threshold: form.spec.thresholds.first.map { Float($0) } ?? 0)
    single = planes == 1 ? Memory(repeating: 0, count: form.width) : nil
    let shape = form.shapes[0]
    maker = MaskMaker(tall: shape[1], wide: shape[2], choice, isBilinear: kernel == .bilinear, canvas)
    whole = PicturePlace(height: canvas.height, width: canvas.width)
  }

  func answer() -> LiveAnswer { LiveMask(spec, classes: classes) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    try checkFinite(outputs)
    guard let answer = answer as? LiveMask else { preconditionFailure("an answer of another head") }
    make(outputs, picture ?? whole, into: answer)
    counts.fill(0)
    for i in answer.mask.indices { counts[Int(answer.mask[i])] += 1 }
    let total = answer.values.indices.reduce(0) { $0 + counts[$1] }
    for i in answer.values.indices { answer.values[i] = Float(Double(counts[i]) / Double(max(1, total))) }
  }

  private func make(_ outputs: [Memory<Float>], _ picture: PicturePlace, into answer: LiveMask) {
    answer.resize(height: picture.height, width: picture.width)
    maker.make(values(outputs), picture, into: answer.mask)
  }

  /// The planes; one plane alone as probabilities.
  private func values(_ outputs: [Memory<Float>]) -> Memory<Float> {
    guard let single else { return outputs[place] }
    single.copy(single.count, from: outputs[place], at: 0, to: 0)
    activate(single, setting.activation)
    return single
  }

  /// The classes of the planes' own cells.
  private func cells(_ outputs: [Memory<Float>]) -> [UInt8] {
    let values = values(outputs)
    return (0..<values.count / choice.planes).map { choice.of(values, $0 * choice.planes) }
  }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    let answer = LiveMask(spec, classes: classes)
    make(outputs, picture ?? whole, into: answer)
    return Recorded(nil, [1, answer.height, answer.width], pixels: answer.mask.array)
  }

  func comparison() -> (any AnswerCounts)? { MaskCounts(spec, classes: classes) { [self] in cells($0) } }

  static func decodes(_ decoder: HeadDecoder) -> Bool { if case .planes = decoder { true } else { false } }

  static func checkDecoder(_ form: HeadForm) throws {
    try checkForm(form)
    if form.shapes.count != 1 || !(axes - 1...axes).contains(form.shapes[0].count) {
      throw SpecError("a segmentation head has one output of height, width and classes, got \(form.shapes)")
    }
    let planes = planeCount(form)
    if planes == 1 && form.spec.activation == .softmax {
      throw SpecError("a segmentation head of one plane has no softmax, which is over planes", "Use sigmoid, or none")
    }
    if planes > Int(unseenClass) { throw SpecError("a segmentation head has at most \(unseenClass) classes, got \(planes)") }
  }

  static func checkThresholds(_ form: HeadForm) throws {
    let (given, planes) = (form.spec.thresholds, planeCount(form))
    if planes > 1 && !given.isEmpty {
      throw SpecError("a segmentation head of \(planes) planes has no thresholds, got \(given)")
    }
    if planes == 1 && !(given.count == 1 && (0...1).contains(given[0])) {
      throw SpecError("a segmentation head of one plane has one threshold in 0..1, got \(given)")
    }
  }

  /// The number of classes: two for one plane.
  static func answerCount(_ form: HeadForm) throws -> Int { max(2, planeCount(form)) }

  private static func planeCount(_ form: HeadForm) -> Int { form.shapes[0].count == axes ? form.shapes[0][axes - 1] : 1 }

  /// The classes with the largest shares of the picture.
  static func shown(_ answer: Answer, most: Int) -> [Top] { answer.top(most).filter { $0.score >= leastShare } }
}
