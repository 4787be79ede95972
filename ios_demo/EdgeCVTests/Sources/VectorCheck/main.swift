import Foundation

@testable import EdgeCV
@testable import TestSupport

// Names the first golden vector that this build of the library gives other bits; ends with 0 where all are equal. Compiled by
// `python -m tests.ios.faults`, with faults planted in the library.

func isWrong(_ expected: GoldenTensor, _ made: () throws -> Tensor) -> Bool {
  guard let tensor = try? made(), let wanted = try? GoldenVectors.expected(expected) else { return true }
  return tensor.bytes != wanted
}

func isWrong(_ vector: DecodeVector) -> Bool {
  guard let made = try? vector.open().recorded(vector.values(), vector.place()), let wanted = try? vector.wanted() else {
    return true
  }
  return !made.isEqual(wanted)
}

let decoded = GoldenVectors.decoding.first(where: isWrong)?.name
let frame = decoded ?? GoldenVectors.frames.first { vector in isWrong(vector.expected) { try vector.made() } }?.name
let wrong = frame ?? GoldenVectors.all.first { vector in isWrong(vector.expected) { try vector.made() } }?.name
print(wrong ?? "every vector is equal")
exit(wrong == nil ? 0 : 1)
