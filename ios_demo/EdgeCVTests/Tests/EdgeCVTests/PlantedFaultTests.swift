import Foundation
import TestSupport
import Testing

@testable import EdgeCV

private let sums = 1e-9  // of sums that NumPy adds up in another order

/// A row a sample; null stands for a NaN.
private typealias Output = [[Double?]]

/// A fault that Python planted in one output, the name that is to be blamed, and Python's judgement.
private struct Plant: RecordReadable {
  static let keys = ["output", "blamed", "values", "proof"]

  let output: String
  let blamed: String
  let values: Output
  let proof: Parity

  init(_ record: Record) throws {
    output = try record.value("output")
    blamed = try record.value("blamed")
    values = try record.value("values")
    proof = try record.value("proof")
  }
}

/// The outputs of a source and of a good artifact, and the faults of others.
private struct Proofs: RecordReadable {
  static let keys = ["precision", "canvas", "heads", "outputs", "source", "good", "proof", "recorded", "plants"]

  let precision: String
  let canvas: [Int]?
  var heads: [HeadSpec]
  var outputs: [TensorSpec]
  let source: [String: Output]
  let good: [String: Output]
  let proof: Parity
  let recorded: Parity  // of the good artifact, from when it was made
  let plants: [Plant]

  init(_ record: Record) throws {
    precision = try record.value("precision")
    canvas = try record.value("canvas", or: nil)
    heads = try record.value("heads")
    outputs = try record.value("outputs")
    source = try record.value("source")
    good = try record.value("good")
    proof = try record.value("proof")
    recorded = try record.value("recorded")
    plants = try record.value("plants")
  }

  static func read(_ name: String) throws -> Proofs {
    let file = Bundles.folder.appendingPathComponent(name)
    return try Proofs(json: String(contentsOf: file, encoding: .utf8), name: name)
  }

  /// What an artifact with these outputs measures.
  func compare(_ candidate: [String: Output]) throws -> Comparison {
    let names = outputs.map(\.name)
    let opened = heads.map { spec in
      let own = spec.outputs.compactMap { name in outputs.first { $0.name == name } }
      let picture = canvas.map { Canvas(height: $0[0], width: $0[1]) }
      let form = HeadForm(spec, shapes: own.map(\.shape), dtypes: own.map(\.dtype), canvas: picture)
      return Heads.open(form, names, spec.activation)
    }
    var sum = ComparisonSum(opened, outputs)
    for row in 0..<(source[names[0]]?.count ?? 0) {
      try sum.add("\(row)", names.map { numbers(source[$0]?[row]) }, names.map { numbers(candidate[$0]?[row]) })
    }
    return sum.result
  }

  private func numbers(_ row: [Double?]?) -> [Float] { (row ?? []).map { $0.map { Float($0) } ?? .nan } }
}

/// Faults planted in one head, column or channel are found and named as Python does, number for number and word for word.
struct PlantedFaultTests {
  private let proofs: Proofs
  private let places: Proofs

  init() throws {
    proofs = try Proofs.read("proofs.json")
    places = try Proofs.read("place_proofs.json")
  }

  @Test func aGoodArtifactPassesWithAGateForEachHeadAndEachGroupOfColumns() throws {
    let measured = try proofs.compare(proofs.good)
    let gates = Gates.of(proofs.precision, isTrained: false, measured, recorded: [])
    #expect(gates.filter { !$0.passed } == [])
    #expect(measured.heads.map(\.head) == ["cls", "smile", "tags", "map"])
    let parts = [
      "cls", "smile", "tags", "age", "pred[0:4]", "pred[4:7]", "rows[0:3]", "rows[3:5]", "pixels", "joined[0:4]", "joined[4:7]",
      "kelvin", "tilted",
    ]
    #expect(gates.filter { $0.name == "snr_db" }.map(\.subject) == parts)
    #expect(differences(proofs.proof, measured, gates, [], tolerance: sums) == [])
  }

  @Test func aGoodArtifactPassesWithBarsForMasksAndPicturesOfTheirOwn() throws {
    let measured = try places.compare(places.good)
    let gates = Gates.of(places.precision, isTrained: false, measured, recorded: [])
    #expect(gates.filter { !$0.passed } == [])
    #expect(gates.filter { $0.name == "mean_iou" }.map(\.subject) == ["mask", "lane"])
    #expect(gates.filter { $0.name == "psnr_db" }.map(\.subject) == ["made"])
    #expect(differences(places.proof, measured, gates, [], tolerance: sums) == [])
  }

  @Test func everyFaultIsFoundAndNamedAsInPython() throws {
    #expect(proofs.plants.count >= 37 && places.plants.count >= 20)
    try find(proofs)
    try find(places)
  }

  private func find(_ proofs: Proofs) throws {
    #expect(Set(proofs.plants.map(\.output)) == Set(proofs.outputs.map(\.name)))
    for plant in proofs.plants {
      let measured = try proofs.compare(proofs.good.merging([plant.output: plant.values]) { $1 })
      let gates = Gates.of(proofs.precision, isTrained: false, measured, recorded: [proofs.recorded])
      let reasons = Gates.reasons(gates, measured)
      #expect(reasons.contains { $0.contains(plant.blamed) }, "\(plant.blamed)")
      #expect(differences(plant.proof, measured, gates, reasons, tolerance: sums) == [], "\(plant.blamed)")
    }
  }

  @Test func theSameFaultIsFoundWhereTheOutputIsTheOnlyOne() throws {
    for output in proofs.outputs {
      var alone = proofs
      alone.heads = proofs.heads.filter { $0.outputs.contains(output.name) }
      alone.outputs = [output]
      let good = try alone.compare(proofs.good)
      #expect(Gates.of(proofs.precision, isTrained: false, good, recorded: []).filter { !$0.passed } == [])
      let still = try alone.compare(proofs.good.mapValues { $0.map { $0.map { _ in 0.5 } } })
      #expect(Gates.of(proofs.precision, isTrained: false, still, recorded: []).filter { !$0.passed } != [])
    }
  }

  @Test func aClassThatTheSourceGivesInFourSamplesIsNotMissedInFiveItIs() throws {
    for (count, never) in [(4, []), (5, ["cat"])] {
      let output = TensorSpec(name: "a", shape: [1, 2], dtype: "float32")
      var sum = ComparisonSum([head(.classification, 2, labels: ["cat", "dog"])], [output])
      for number in 0..<count { try sum.add("\(number)", [[0.9, 0.1]], [[0.1, 0.9]]) }
      #expect(sum.result.heads.map(\.never) == [never])
    }
  }

  @Test func anOutputThatIsNotFinitePassesNothing() throws {
    let output = TensorSpec(name: "a", shape: [1, 2], dtype: "float32")
    var sum = ComparisonSum([head(.classification, 2)], [output])
    try sum.add("a", [[1, 0]], [[1, .nan]])
    #expect(sum.result.nonFinite == 1)
    #expect(Gates.of("float32", isTrained: false, sum.result, recorded: []).allSatisfy { !$0.passed })
  }

  @Test func tooManyColumnsAreOneAndNoiseIsNotJudgedByItsOwnScale() {
    var wide = OutputSums("flat", [1, 4096], byColumn: true)
    let rising = (0..<4096).map { 1 + Float($0 * $0) }
    wide.add(rising, rising)
    #expect(wide.parts.map(\.part) == ["flat"])
    var tiny = OutputSums("out", [1, 3], byColumn: true)
    for value in (1...8).map(Float.init) { tiny.add([1e3 * value, value, 1e-6 * value], [1e3 * value, value, 0]) }
    #expect(tiny.parts.map(\.part) == ["out[0, 2]", "out[1]"])
    #expect(tiny.parts[0].snrDb.map { $0 > 150 } == true && tiny.parts[1].snrDb == nil)
    var steps = OutputSums("out", [1, 4], byColumn: true)
    steps.add([640, 85, 11, 1.5], [640, 85, 11, 1.5])
    #expect(steps.parts.map(\.part) == ["out[0:2]", "out[2:4]"])
  }

  @Test(arguments: [([1, 7, 4], 1), ([1, 9, 60], 1), ([1, 9, 20, 20], 1), ([1, 40, 9], 2), ([1, 6, 6, 9], 3)])
  func scoresBesideBoxesAreProvenAlongAnyAxis(_ shape: [Int], _ axis: Int) {
    var sums = OutputSums("out", shape, byColumn: true)
    let (stride, count) = (shape[(axis + 1)...].reduce(1, *), shape.reduce(1, *))
    let isBox = (0..<count).map { $0 / stride % shape[axis] < 4 }
    for value in 1...8 {
      let source = (0..<count).map { (isBox[$0] ? 640 : 0.5) * Float(($0 * 7 + value * 3) % 11 + 1) }
      sums.add(source, zip(source, isBox).map { $1 ? $0 : 0 })
    }
    #expect(sums.parts.map(\.part) == ["out[0:4]", "out[4:\(shape[axis])]"])
    #expect(sums.parts.map(\.constant.count) == [0, shape[axis] - 4])
  }

  @Test func thePixelsOfAPictureAreNoColumns() {
    var picture = OutputSums("out", [1, 28, 28, 1], byColumn: true)
    let pixels = (0..<28 * 28).map(Float.init)
    picture.add(pixels, pixels)
    #expect(picture.parts.map(\.part) == ["out"])
  }

  @Test func rowsAndColumnsOfAGridAreNoColumns() {
    var grid = OutputSums("out", [1, 6, 6, 9], byColumn: true)
    for value in 1...8 {
      let source = (0..<324).map { $0 / 54 == 2 ? 0.01 * Float(value) : Float(($0 * 7 + value * 3) % 11 + 1) }
      grid.add(source, source.indices.map { $0 / 54 == 2 ? 0.02 : source[$0] })
    }
    #expect(grid.parts.map(\.part) == ["out"] && grid.parts.map(\.constant) == [[]])
  }

  @Test func aColumnOfTheAxisThatIsNotGroupedByIsNamedWhereTheOthersTellNothing() {
    func parts(_ change: (_ row: Int, _ column: Int, _ value: Float) -> Float) -> [PartComparison] {
      var sums = OutputSums("out", [1, 6, 5], byColumn: true)
      for sample in 1...8 {
        let source = (0..<30).map { Float($0 / 5 + 1) * Float(($0 * 7 + sample * 3) % 11 + 1) }
        sums.add(source, source.indices.map { change($0 / 5, $0 % 5, source[$0]) })
      }
      return sums.parts
    }
    #expect(parts { $2 }.allSatisfy { $0.constant.isEmpty && $0.lost.isEmpty })
    #expect(parts { $1 == 4 ? 0.5 : $2 }.flatMap(\.constant) == ["out[4]"])
    #expect(parts { $0 == 5 ? 0.5 : $2 }.flatMap(\.constant) == ["out[5] along axis 1"])
    #expect(parts { $0 == 5 || $1 == 4 ? 0.5 : $2 }.flatMap(\.constant) == ["out[5] along axis 1"])
  }

  @Test func onlyPlacesAtWhichTheSourcesWholeNumbersChangeAreCounted() throws {
    let output = TensorSpec(name: "map", shape: [1, 40], dtype: "int64")
    func compare(_ samples: Int, _ change: (Float) -> Float) throws -> Comparison {
      var sum = ComparisonSum([head(.regression, 40, name: "map", dtype: "int64")], [output])
      for sample in 0..<samples {
        let source = (0..<40).map { $0 < 2 ? Float((sample + $0) % 4) : 9 }  // the rest is padding
        try sum.add("\(sample)", [source], [source.indices.map { $0 == 0 ? change(source[$0]) : source[$0] }])
      }
      return sum.result
    }
    let good = try compare(8) { $0 }
    #expect(good.heads == [HeadComparison(head: "map", agreement: 1, never: [])] && good.agreement == 1)
    let wrong = try compare(8) { ($0 + 1).truncatingRemainder(dividingBy: 4) }
    #expect(wrong.heads == [HeadComparison(head: "map", agreement: 0.5, never: ["the value at [0]"])])
    #expect(wrong.agreement == 0.5)
    #expect(try compare(4) { ($0 + 1).truncatingRemainder(dividingBy: 4) }.heads.map(\.never) == [[]])
  }

  @Test func numbersFarFromZeroAreJudgedByHowTheyMove() {
    var (lost, kept, logits) = (numbers(true), numbers(true), numbers(false))
    for value in 0...20 {
      let kelvin = 300 + Float(value) / 20
      let coarse: Float = value > 17 ? 301.2 : 300
      lost.add([kelvin], [coarse])
      kept.add([kelvin], [kelvin + 0.05])
      logits.add([kelvin], [coarse])
    }
    #expect(lost.parts.map(\.lost) == [["out"]] && lost.parts.map(\.constant) == [[]])
    #expect(kept.parts.map(\.lost) == [[]] && logits.parts.map(\.lost) == [[]])
    var still = numbers(true)
    for value in [300, 300.5, 301] as [Float] { still.add([value], [300]) }
    #expect(still.parts.map(\.constant) == [["out"]] && still.parts.map(\.lost) == [[]])
  }

  private func numbers(_ byColumn: Bool) -> OutputSums { OutputSums("out", [1, 1], byColumn: byColumn) }

  @Test func wholeNumbersAreEqualOrNotAndHaveNoNoise() {
    let output = TensorSpec(name: "map", shape: [1, 40], dtype: "int64")
    func compare(_ candidate: [Float]) throws -> Comparison {
      var sum = ComparisonSum([head(.regression, 40, name: "map", dtype: "int64")], [output])
      try sum.add("a", [(0..<40).map { Float($0 / 20) }], [candidate])
      return sum.result
    }
    let good = (0..<40).map { Float($0 / 20) }
    for (candidate, agreement, never) in [
      (good, 1, []), (good.map { max($0, 1) }, 0.5, ["0"]), (good.map { $0 == 0 ? 1e30 : -1e30 }, 0, ["0", "1"]),
    ] as [([Float], Double, [String])] {
      let measured = try? compare(candidate)
      #expect(measured?.heads == [HeadComparison(head: "map", agreement: agreement, never: never)])
      #expect(measured?.agreement == agreement && measured?.parts == [])
      #expect(measured?.flips == (agreement < 0.9 ? ["a"] : []))
      let gates = measured.map { Gates.of("int8", isTrained: false, $0, recorded: []) } ?? []
      #expect(gates.map(\.name) == (never.isEmpty ? ["agreement"] : ["agreement", "never"]))
      #expect(gates.allSatisfy(\.passed) == never.isEmpty)
    }
  }

  @Test func columnsAndNumbersAreWrittenAsInPython() {
    #expect(
      [[4, 5, 6], [7], [1, 3, 5], [1, 3, 5, 7, 9]].map(placeWords) == ["[4:7]", "[7]", "[1, 3, 5]", "[1, 3, 5, 7, ...]"])
    let written = [0, 0.875, 43.70123, -0.15055, 100, 99.996, 0.0001, 0.00001234567, 123456, 2.5, -1e-5, 0.12345]
    let wanted = [
      "0", "0.875", "43.7", "-0.1505", "100", "100", "0.0001", "1.235e-05", "1.235e+05", "2.5", "-1e-05", "0.1235",
    ]
    #expect(written.map { general($0, 4) } == wanted)
    #expect(general(0.995, 6) == "0.995")
  }
}
