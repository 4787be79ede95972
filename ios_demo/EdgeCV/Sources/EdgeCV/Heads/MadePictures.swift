private let axes = 4  // batch, height, width, channels
private let white = 255.0

/// A picture that the model makes, without what a fit has padded.
final class MadePictures: PlaceHead {
  let setting: HeadSetting
  private let low: Double
  private let high: Double
  private let tall: Int
  private let wide: Int
  private let channels: Int
  private let canvas: Canvas

  init(_ setting: HeadSetting) {
    guard case .pixels(let low, let high)? = setting.form.spec.decode else {
      preconditionFailure("checked when the manifest was read")
    }
    self.setting = setting
    (self.low, self.high) = (low, high)
    let shape = setting.form.shapes[0]
    (tall, wide) = (shape[1], shape[2])
    channels = shape.count == axes ? shape[axes - 1] : 1
    canvas = setting.form.picture
  }

  func answer() -> LiveAnswer { LivePicture(spec, channels: channels) }

  func read(_ outputs: [Memory<Float>], into answer: LiveAnswer, _ picture: PicturePlace?) throws {
    try checkFinite(outputs)
    guard let answer = answer as? LivePicture else { preconditionFailure("an answer of another head") }
    make(outputs[place], picture, into: answer)
  }

  private func make(_ values: Memory<Float>, _ picture: PicturePlace?, into answer: LivePicture) {
    let rows = picture.map { shownPart($0.placement.down, tall, canvas.height) } ?? 0..<tall
    let columns = picture.map { shownPart($0.placement.across, wide, canvas.width) } ?? 0..<wide
    answer.resize(height: rows.count, width: columns.count)
    var to = 0
    for y in rows {
      for at in (y * wide + columns.lowerBound) * channels..<(y * wide + columns.upperBound) * channels {
        answer.pixels[to] = pixel(values[at])
        to += 1
      }
    }
  }

  private func pixel(_ value: Float) -> UInt8 {
    let shade = ((Double(value) - low) * white / (high - low)).rounded(.toNearestOrEven)
    return shade > 0 ? UInt8(min(shade, white)) : 0
  }

  /// The part of the output that shows the picture: its ends rounded half up, one pixel at least.
  private func shownPart(_ axis: Axis, _ length: Int, _ canvas: Int) -> Range<Int> {
    let first = min(edge(axis.at, length, canvas), length - 1)
    return first..<max(edge(axis.at + axis.shown, length, canvas), first + 1)
  }

  private func edge(_ place: Int, _ length: Int, _ canvas: Int) -> Int {
    min(length, (2 * place * length + canvas) / (2 * canvas))
  }

  private func made(_ outputs: [Memory<Float>], _ picture: PicturePlace?) -> LivePicture {
    let answer = LivePicture(spec, channels: channels)
    make(outputs[place], picture, into: answer)
    return answer
  }

  func recorded(_ outputs: [Memory<Float>], _ picture: PicturePlace?) throws -> Recorded {
    let made = made(outputs, picture)
    return Recorded(nil, [1, made.height, made.width, channels], pixels: made.pixels.array)
  }

  func comparison() -> (any AnswerCounts)? { PictureCounts(spec.name) { [self] in made($0, nil).pixels.array } }

  static func decodes(_ decoder: HeadDecoder) -> Bool { if case .pixels = decoder { true } else { false } }

  static func checkDecoder(_ form: HeadForm) throws {
    try checkForm(form)
    let shape = form.shapes[0]
    let isPicture = shape.count == axes - 1 || shape.count == axes && [1, 3].contains(shape[axes - 1])
    if form.shapes.count != 1 || !isPicture {
      throw SpecError("an image head has one output of height, width and 1 or 3 channels")
    }
    if case .pixels(let low, let high)? = form.spec.decode, low == high {
      throw SpecError("the low and high of its decoder are equal")
    }
  }

  static func answerCount(_ form: HeadForm) throws -> Int { 0 }

  static func shown(_ answer: Answer, most: Int) -> [Top] { [] }
}
