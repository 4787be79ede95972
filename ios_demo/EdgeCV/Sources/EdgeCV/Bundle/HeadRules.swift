/// The rules that a manifest's heads must keep: each output has one, which may be left out, and each head says what its kind
/// needs.
struct HeadRules {
  let manifest: Manifest
  let leftOut: LeftOut
  let name: String

  func check() throws {
    if manifest.heads.isEmpty { throw BundleError("\(name) lists no heads", makeAnew) }
    if let twice = firstTwice(manifest.heads.map(\.name)) {
      throw BundleError("\(name) lists the head '\(shortened(twice))' twice", makeAnew)
    }
    for head in manifest.heads { try checkOutputs(head) }
    try checkOwners()
    for head in manifest.heads {
      try checkThresholds(head)
      try checkLabels(head)
    }
    try checkFirstLabels()
  }

  private func checkOutputs(_ head: HeadSpec) throws {
    if let unknown = head.outputs.first(where: { output($0) == nil }) {
      throw refused(head, "it has the output '\(shortened(unknown))', which the model has not")
    }
    if head.outputs.count != 1 {
      throw refused(head, "the kind \(head.kind.title) has one output, got \(head.outputs.count)")
    }
  }

  private func checkOwners() throws {
    let names = manifest.outputs.map(\.name)
    let owned = (manifest.heads.flatMap(\.outputs) + leftOut.outputs).filter(names.contains)
    if let twice = firstTwice(owned) {
      throw BundleError("\(name): the output '\(shortened(twice))' belongs to several heads", makeAnew)
    }
    if let free = names.first(where: { !owned.contains($0) }) {
      throw BundleError("\(name): the output '\(shortened(free))' belongs to no head", makeAnew)
    }
    let order = manifest.heads.compactMap { names.firstIndex(of: $0.outputs[0]) }
    if order != order.sorted() {
      throw BundleError("\(name): its heads are not in the order of their outputs", makeAnew)
    }
  }

  private func checkThresholds(_ head: HeadSpec) throws {
    let thresholds = head.thresholds
    if !head.kind.type.decidesByThreshold {
      if thresholds.isEmpty { return }
      throw refused(head, "the kind \(head.kind.title) has no thresholds, got \(thresholds)")
    }
    if thresholds.isEmpty || !thresholds.allSatisfy((0...1).contains) {
      throw refused(head, "thresholds must be in 0..1, got \(thresholds)")
    }
    let answers = answers(of: head)
    if thresholds.count != 1 && thresholds.count != answers {
      throw refused(head, "thresholds must be one, or one for each of \(answers) labels, got \(thresholds.count)")
    }
  }

  private func checkLabels(_ head: HeadSpec) throws {
    guard let labels = head.labels else { return }
    if labels.isEmpty { throw refused(head, "its list of labels is empty") }
    if !head.kind.type.labelsEveryAnswer { return }
    let answers = answers(of: head)
    let fits = labels.count == max(answers, 2) || labels.count == output(head.outputs[0])?.shape.last
    let isAlone = answers == 1 && labels.count == 1
    if !fits && !isAlone { throw refused(head, "it has \(labels.count) labels for \(answers) answers") }
  }

  /// The manifest's own labels, which labels.txt holds as well, are those of the first head that has some; it may be left
  /// out.
  private func checkFirstLabels() throws {
    let first = manifest.heads.lazy.compactMap(\.labels).first
    if leftOut.heads > 0 || manifest.labels == first { return }
    throw BundleError("\(name): its labels are not those of its first head with labels", makeAnew)
  }

  private func output(_ name: String) -> TensorSpec? { manifest.outputs.first { $0.name == name } }

  private func answers(of head: HeadSpec) -> Int {
    output(head.outputs[0])?.shape.dropFirst().reduce(1, *) ?? 0
  }

  private func refused(_ head: HeadSpec, _ reason: String) -> BundleError {
    BundleError("\(name): the head '\(shortened(head.name))': \(reason)", makeAnew)
  }
}
