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
    for head in manifest.heads { try checkKind(head) }
    try checkFirstLabels()
  }

  private func checkOutputs(_ head: HeadSpec) throws {
    if let unknown = head.outputs.first(where: { output in !manifest.outputs.contains { $0.name == output } }) {
      throw refused(head, "it has the output '\(shortened(unknown))', which the model has not")
    }
    if head.outputs.isEmpty { throw refused(head, "it has no output") }
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

  private func checkKind(_ head: HeadSpec) throws {
    do {
      try HeadForm(manifest, head).check()
    } catch let error as SpecError {
      throw refused(head, shortened(error.message))
    }
  }

  /// The manifest's own labels, which labels.txt holds as well, are those of the first head that has some; it may be left
  /// out.
  private func checkFirstLabels() throws {
    let first = manifest.heads.lazy.compactMap(\.labels).first
    if leftOut.heads > 0 || manifest.labels == first { return }
    throw BundleError("\(name): its labels are not those of its first head with labels", makeAnew)
  }

  private func refused(_ head: HeadSpec, _ reason: String) -> BundleError {
    BundleError("\(name): the head '\(shortened(head.name))': \(reason)", makeAnew)
  }
}
