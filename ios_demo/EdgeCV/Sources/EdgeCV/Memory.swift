import Foundation

/// Values that are filled again and again without an allocation. This file is the only one of the library that holds
/// pointers; every access is checked, those of whole rows at their ends.
final class Memory<Element: BitwiseCopyable> {
  let count: Int
  fileprivate let base: UnsafeMutablePointer<Element>

  /// Memory for so many values, all the same; it begins at a multiple of 64 bytes, as runtimes want it.
  init(repeating value: Element, count: Int) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
    self.count = count
    base = bytes.bindMemory(to: Element.self, capacity: max(count, 1))
    base.initialize(repeating: value, count: count)
  }

  /// Memory with these values.
  convenience init(_ values: [Element]) {
    guard let first = values.first else {
      preconditionFailure("there are no values")
    }
    self.init(repeating: first, count: values.count)
    for (i, value) in values.enumerated() { base[i] = value }
  }

  deinit { base.deallocate() }

  @inline(__always)
  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "there is no such value")
      return base[index]
    }
    set {
      precondition(index >= 0 && index < count, "there is no such value")
      base[index] = newValue
    }
  }

  var indices: Range<Int> { 0..<count }

  /// A copy of all values.
  var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }

  func fill(_ value: Element) { base.update(repeating: value, count: count) }

  /// Copy so many values from another memory.
  func copy(_ length: Int, from other: Memory<Element>, at start: Int, to place: Int) {
    precondition(length >= 0 && start >= 0 && place >= 0 && start + length <= other.count && place + length <= count)
    (base + place).update(from: other.base + start, count: length)
  }
}

extension Memory<UInt8> {
  /// A number of another type at a place that counts such numbers.
  @inline(__always)
  func load<Number: BitwiseCopyable>(_ type: Number.Type, _ index: Int) -> Number {
    let size = MemoryLayout<Number>.size
    precondition(index >= 0 && (index + 1) * size <= count, "there is no such number")
    return UnsafeRawPointer(base).load(fromByteOffset: index * size, as: type)
  }

  /// Store a number of another type at a place that counts such numbers.
  @inline(__always)
  func store<Number: BitwiseCopyable>(_ number: Number, _ index: Int) {
    let size = MemoryLayout<Number>.size
    precondition(index >= 0 && (index + 1) * size <= count, "there is no such number")
    UnsafeMutableRawPointer(base).storeBytes(of: number, toByteOffset: index * size, as: Number.self)
  }

  /// Copy so many numbers of another type to a place that counts such numbers.
  func store<Number: BitwiseCopyable>(_ length: Int, from numbers: Memory<Number>, at start: Int, to place: Int) {
    let size = MemoryLayout<Number>.size
    precondition(length >= 0 && start >= 0 && place >= 0 && start + length <= numbers.count)
    precondition((place + length) * size <= count)
    UnsafeMutableRawPointer(base + place * size).copyMemory(from: numbers.base + start, byteCount: length * size)
  }
}

extension Tensor {
  /// Read the bytes of all numbers, in the machine's byte order.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(UnsafeRawBufferPointer(start: memory.base, count: memory.count))
  }

  /// Write the bytes of all numbers, in the machine's byte order.
  public func withUnsafeMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(UnsafeMutableRawBufferPointer(start: memory.base, count: memory.count))
  }
}

/// Copy a plane of bytes; the memory of before is used again where it is large enough.
func copy(_ plane: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
  if bytes.count < plane.count { bytes = [UInt8](repeating: 0, count: plane.count) }
  bytes.withUnsafeMutableBytes { $0.copyMemory(from: plane) }
}

/// Lend the bytes of several arrays, as a caller without pointers has them.
func withPlanes(
  _ first: [UInt8], _ second: [UInt8], _ third: [UInt8],
  _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
) rethrows {
  try first.withUnsafeBytes { one in
    try second.withUnsafeBytes { two in try third.withUnsafeBytes { three in try body(one, two, three) } }
  }
}

/// Little-endian float32 numbers.
func floats(of data: Data) -> [Float] {
  data.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map {
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
    }
  }
}

/// The bytes of an array's numbers, little-endian.
func bytes(of numbers: [Float]) -> Data {
  numbers.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
}

/// Add a row of bytes times a weight to sums of the same length.
func addWeighted(_ row: Memory<UInt8>, by weight: Int32, to sums: Memory<Int32>) {
  precondition(row.count == sums.count)
  let (from, into) = (row.base, sums.base)
  for i in 0..<sums.count { into[i] &+= Int32(from[i]) &* weight }
}

/// The bytes of Pillow's sums, each of its own length.
func clip(_ sums: Memory<Int32>, into row: Memory<UInt8>) {
  precondition(row.count == sums.count)
  let (from, into) = (sums.base, row.base)
  for i in 0..<row.count { into[i] = clipped(from[i]) }
}

/// The byte of one of Pillow's sums.
@inline(__always)
func clipped(_ sum: Int32) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, sum >> Int32(precisionBits)))) }
