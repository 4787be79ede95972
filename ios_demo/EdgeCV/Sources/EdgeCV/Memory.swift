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

/// Pillow's weighted sums of pixels of three channels, for a whole row; `left` is the first column that the row holds.
func resamplePixels(_ row: Memory<UInt8>, left: Int, _ taps: FixedTaps, half: Int32, into: Memory<UInt8>) {
  precondition(into.count >= 3 * taps.first.count)
  let (pixels, weights, out) = (row.base, taps.weight.base, into.base)
  for x in taps.first.indices {
    let (start, count) = (taps.first[x] - left, taps.count[x])
    precondition(start >= 0 && 3 * (start + count) <= row.count && count <= taps.most)
    let (pixel, weight) = (pixels + 3 * start, weights + x * taps.most)
    var (first, second, third) = (half, half, half)
    for k in 0..<count {
      first &+= Int32(pixel[3 * k]) &* weight[k]
      second &+= Int32(pixel[3 * k + 1]) &* weight[k]
      third &+= Int32(pixel[3 * k + 2]) &* weight[k]
    }
    out[3 * x] = clipped(first)
    out[3 * x + 1] = clipped(second)
    out[3 * x + 2] = clipped(third)
  }
}

/// Places of pixels in a plane, and how far they reach.
struct Places {
  let offsets: Memory<Int>
  fileprivate let least: Int
  fileprivate let most: Int

  init(_ offsets: [Int]) {
    self.offsets = Memory(offsets)
    least = offsets.min() ?? 0
    most = offsets.max() ?? 0
  }

  fileprivate func check(_ start: Int, _ count: Int, reach: Int = 0) {
    precondition(start + least >= 0 && start + most + reach < count, "a pixel lies outside the frame")
  }
}

/// Where the channels of a pixel go: three of them with red first or last, or one gray one.
enum PixelForm {
  case rgb
  case bgr
  case gray

  @inline(__always)
  fileprivate func store(_ red: Int32, _ green: Int32, _ blue: Int32, _ out: UnsafeMutablePointer<UInt8>, _ pixel: Int) {
    switch self {
    case .gray:
      out[pixel] = UInt8(truncatingIfNeeded: (19595 &* red &+ 38470 &* green &+ 7471 &* blue &+ 32768) >> 16)
    case .rgb:
      out[3 * pixel] = UInt8(truncatingIfNeeded: red)
      out[3 * pixel + 1] = UInt8(truncatingIfNeeded: green)
      out[3 * pixel + 2] = UInt8(truncatingIfNeeded: blue)
    case .bgr:
      out[3 * pixel] = UInt8(truncatingIfNeeded: blue)
      out[3 * pixel + 1] = UInt8(truncatingIfNeeded: green)
      out[3 * pixel + 2] = UInt8(truncatingIfNeeded: red)
    }
  }

  var channels: Int { self == .gray ? 1 : 3 }
}

/// Read pixels whose red, green and blue lie beside each other, in this order of places.
func readPixels(
  _ bytes: [UInt8], _ start: Int, _ places: Places, _ order: SIMD3<Int>, _ form: PixelForm, into row: Memory<UInt8>
) {
  places.check(start, bytes.count, reach: order.max())
  precondition(row.count >= form.channels * places.offsets.count)
  let (offsets, out) = (places.offsets.base, row.base)
  bytes.withUnsafeBufferPointer { bytes in
    guard let base = bytes.baseAddress else { return }
    for i in 0..<places.offsets.count {
      let pixel = base + (start + offsets[i])
      form.store(Int32(pixel[order.x]), Int32(pixel[order.y]), Int32(pixel[order.z]), out, i)
    }
  }
}

/// Read pixels of a camera's frame; each takes the chrominance of its block of 2 x 2.
func readPixels(
  _ frame: YuvFrame, _ start: (full: Int, half: Int), _ full: Places, _ half: Places, _ form: PixelForm,
  into row: Memory<UInt8>
) {
  full.check(start.full, frame.y.count)
  half.check(start.half, min(frame.u.count, frame.v.count))
  precondition(row.count >= form.channels * full.offsets.count && half.offsets.count == full.offsets.count)
  let (lights, chromas, out, colors) = (full.offsets.base, half.offsets.base, row.base, frame.colors)
  withPlanes(frame.y, frame.u, frame.v) { y, u, v in
    for i in 0..<full.offsets.count {
      let at = start.half + chromas[i]
      let light = (Int32(y[start.full + lights[i]]) &- colors.black) &* colors.light &+ 32768
      let (blue, red) = (Int32(u[at]) &- 128, Int32(v[at]) &- 128)
      form.store(
        clamped((light &+ colors.redV &* red) >> 16),
        clamped((light &- colors.greenU &* blue &- colors.greenV &* red) >> 16),
        clamped((light &+ colors.blueU &* blue) >> 16), out, i)
    }
  }
}

@inline(__always)
private func clamped(_ value: Int32) -> Int32 { max(0, min(255, value)) }

/// Mix two rows: low + (high - low) * share, each operation rounded by itself.
func mix(_ low: Memory<Float>, _ high: Memory<Float>, _ share: Float, into out: Memory<Float>) {
  precondition(low.count == out.count && high.count == out.count)
  let (first, second, made) = (low.base, high.base, out.base)
  for i in 0..<out.count { made[i] = first[i] + (second[i] - first[i]) * share }
}

/// The place, from 0 on, of the largest of so many values; the first of equal ones.
@inline(__always)
func highest(_ values: Memory<Float>, at start: Int, count: Int) -> Int {
  precondition(count > 0 && start >= 0 && start + count <= values.count)
  let numbers = values.base + start
  var best = 0
  for i in 1..<max(1, count) where numbers[i] > numbers[best] { best = i }
  return best
}

/// Copy so many values that lie `step` apart.
func gather(_ values: Memory<Float>, from: Int, step: Int, count: Int, into row: Memory<Float>) {
  precondition(count > 0 && from >= 0 && step > 0 && from + (count - 1) * step < values.count && count <= row.count)
  let (numbers, out) = (values.base + from, row.base)
  for i in 0..<count { out[i] = numbers[i * step] }
}

/// Mix two cells of a row of planes, which begins at a cell, for each pixel of a line: low + (high - low) * weight.
func mixCells(
  _ values: Memory<Float>, from: Int, _ low: Memory<Int>, _ high: Memory<Int>, _ weight: Memory<Float>, planes: Int,
  into line: Memory<Float>
) {
  precondition(low.count == high.count && low.count == weight.count && line.count == low.count * planes)
  let (numbers, out) = (values.base, line.base)
  for x in low.indices {
    let (left, right) = ((from + low[x]) * planes, (from + high[x]) * planes)
    precondition(left >= 0 && right >= 0 && max(left, right) + planes <= values.count)
    for plane in 0..<planes {
      let first = numbers[left + plane]
      out[x * planes + plane] = first + (numbers[right + plane] - first) * weight.base[x]
    }
  }
}

/// Mix the columns of a row that holds all lower neighbours and then all higher ones.
func mixColumns(_ raw: Memory<UInt8>, _ share: Memory<Float>, channels: Int, into out: Memory<Float>) {
  precondition(out.count == share.count * channels && raw.count == 2 * out.count)
  let (bytes, shares, made, size) = (raw.base, share.base, out.base, out.count)
  for column in 0..<share.count {
    for i in column * channels..<(column + 1) * channels {
      let low = Float(bytes[i])
      made[i] = low + (Float(bytes[size + i]) - low) * shares[column]
    }
  }
}

/// Look up bytes `from`, `from + step` ... in a table, to the places `to`, `to + toStep` ...
func lookUp<Number>(
  _ row: Memory<UInt8>, from: Int, step: Int, _ table: Memory<Number>, at start: Int, to: Int, toStep: Int, count: Int,
  into values: Memory<Number>
) {
  if count == 0 { return }
  precondition(from >= 0 && from + (count - 1) * step < row.count && start >= 0 && start + 256 <= table.count)
  precondition(to >= 0 && to + (count - 1) * toStep < values.count)
  let (bytes, numbers, out) = (row.base + from, table.base + start, values.base + to)
  for i in 0..<count { out[i * toStep] = numbers[Int(bytes[i * step])] }
}

/// Multiply the values `from`, `from + step` ... by a scale and add an offset, two operations.
func normalize(_ row: Memory<Float>, from: Int, step: Int, count: Int, scale: Float, offset: Float) {
  if count == 0 { return }
  precondition(from >= 0 && from + (count - 1) * step < row.count)
  let values = row.base + from
  for i in 0..<count { values[i * step] = values[i * step] * scale + offset }
}

/// Convert the values `from`, `from + step` ... to numbers at the places `to`, `to + toStep` ...
@inline(__always)
func convertRow<Number>(
  _ row: Memory<Float>, from: Int, step: Int, to: Int, toStep: Int, count: Int, into numbers: Memory<Number>,
  _ convert: (Float) -> Number
) {
  if count == 0 { return }
  precondition(from >= 0 && from + (count - 1) * step < row.count && to >= 0 && to + (count - 1) * toStep < numbers.count)
  let (values, out) = (row.base + from, numbers.base + to)
  for i in 0..<count { out[i * toStep] = convert(values[i * step]) }
}
