import Foundation

/// Decodes the recorded outputs once more, and compares the answers of all heads with the recorded ones.
struct AnswerCheck {
  private let bundle: ModelBundle
  private let heads: [any Head]
  private let preprocess: Preprocess?

  private(set) var count = 0
  private(set) var equal = 0

  init(_ bundle: ModelBundle) {
    let manifest = bundle.manifest
    self.bundle = bundle
    heads = Heads.of(manifest)
    preprocess = manifest.inputs.compactMap { manifest.preprocess[$0.name] }.first { $0.kind == .image }
  }

  var reason: String? {
    equal == count ? nil : "\(count - equal) of \(count) golden cases have other answers here"
  }

  mutating func add(_ one: GoldenCase) throws {
    count += 1
    let outputs = try bundle.manifest.outputs.map { spec in
      try Memory(bundle.goldenOutput(one, spec.name, count: spec.shape.dropFirst().reduce(1, *)))
    }
    let picture = try picture(of: one)
    if try heads.allSatisfy({ try $0.recorded(outputs, picture).isNear(wanted(one, $0)) }) { equal += 1 }
  }

  private func wanted(_ one: GoldenCase, _ head: any Head) throws -> Recorded {
    guard let answer = one.answers[head.spec.name] else {
      throw BundleError("the golden case \(one.id) has no answer of the head '\(head.spec.name)'", makeAnew)
    }
    return try bundle.goldenAnswer(answer)
  }

  /// Where the case's picture lies in the input; nil of a case without one.
  private func picture(of one: GoldenCase) throws -> PicturePlace? {
    guard let preprocess, let size = preprocess.size, let encoded = try bundle.goldenPicture(one) else { return nil }
    guard let (height, width) = pngSize(encoded) else {
      throw BundleError("the picture of the golden case \(one.id) is no PNG", makeAnew)
    }
    let placement = try Placement(preprocess.fit, height: height, width: width, tall: size[0], wide: size[1])
    return PicturePlace(height: height, width: width, placement)
  }
}

private let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]
private let sizeAt = 16  // where width and height stand in the header, which is the first chunk

/// Height and width of a PNG file, as golden pictures are; nil of another file.
private func pngSize(_ encoded: Data) -> (height: Int, width: Int)? {
  let header = [UInt8](encoded.prefix(sizeAt + 8))
  if header.count < sizeAt + 8 || !header.starts(with: signature) { return nil }
  func number(_ at: Int) -> Int { header[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
  let (width, height) = (number(sizeAt), number(sizeAt + 4))
  let most = Int(Int32.max)
  return (1...most).contains(width) && (1...most).contains(height) ? (height, width) : nil
}

extension ModelBundle {
  /// The source's output of a golden case, of that many numbers.
  func goldenOutput(_ one: GoldenCase, _ name: String, count: Int) throws -> [Float] {
    guard let tensor = one.outputs[name] else {
      throw BundleError("the golden case \(one.id) has no output '\(name)'", makeAnew)
    }
    let values = try goldenTensor(tensor)
    if values.count == count { return values }
    throw BundleError("the golden case \(one.id) has \(values.count) numbers of the output '\(name)', not \(count)", makeAnew)
  }
}
