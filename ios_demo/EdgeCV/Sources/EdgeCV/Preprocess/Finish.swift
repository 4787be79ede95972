/// The last steps, from pixels to the tensor's own numbers: normalize, quantize, pad. Bytes go through a table of 256 entries
/// a channel.
struct Finish {
  private let channels: Int
  private let tall: Int
  private let wide: Int
  private let isPlanar: Bool
  private let scale: Memory<Float>
  private let offset: Memory<Float>
  private let line: Line
  private let pad: Memory<UInt8>

  init(_ spec: Preprocess, _ io: TensorIO, _ store: Store, tall: Int, wide: Int) {
    let channels = spec.color.channels
    let (scales, offsets) = (spec.normalize.scale, spec.normalize.offset)
    let pads = spec.fit.pad ?? [0]
    (self.channels, self.tall, self.wide) = (channels, tall, wide)
    isPlanar = io.layout == .nchw
    let scale = Memory((0..<channels).map { Float(scales[$0 % scales.count]) })
    let offset = Memory((0..<channels).map { Float(offsets[$0 % offsets.count]) })
    let table = (0..<256 * channels).map { Float($0 & 255) * scale[$0 >> 8] + offset[$0 >> 8] }
    (self.scale, self.offset) = (scale, offset)
    line = store.line(size: channels * wide, table: table)
    pad = Memory((0..<channels * wide).map { UInt8(pads[$0 % channels % pads.count]) })
  }

  /// Fill a whole tensor with what is around the picture.
  func padAll(_ into: Tensor) {
    for y in 0..<tall { write(pad, into, y: y, x: 0, columns: wide) }
  }

  /// Write into row `y`, from column `x` on, so many columns.
  func write(_ row: Memory<UInt8>, _ into: Tensor, y: Int, x: Int, columns: Int) {
    for c in 0..<channels {
      let (to, step) = isPlanar ? (c * columns, 1) : (c, channels)
      line.look(row, from: c, step: channels, to: to, toStep: step, count: columns, table: c << 8)
    }
    flush(into, y: y, x: x, columns: columns)
  }

  /// As above, from pixels that are float32; `row` is used up.
  func write(_ row: Memory<Float>, _ into: Tensor, y: Int, x: Int, columns: Int) {
    for c in 0..<channels {
      normalize(row, from: c, step: channels, count: columns, scale: scale[c], offset: offset[c])
    }
    for c in 0..<channels {
      let (to, step) = isPlanar ? (c * columns, 1) : (c, channels)
      line.store(row, from: c, step: channels, to: to, toStep: step, count: columns)
    }
    flush(into, y: y, x: x, columns: columns)
  }

  private func flush(_ into: Tensor, y: Int, x: Int, columns: Int) {
    if !isPlanar {
      line.put(into, at: (y * wide + x) * channels, from: 0, count: columns * channels)
      return
    }
    for c in 0..<channels { line.put(into, at: (c * tall + y) * wide + x, from: c * columns, count: columns) }
  }
}

/// How a real number becomes a tensor's own.
enum Store {
  case float32
  case float16
  case int16(Quantizer)
  case byte(Quantizer)

  /// A row in the tensor's own type; `table` is what each byte of each channel normalizes to.
  func line(size: Int, table: [Float]) -> Line {
    switch self {
    case .float32: .float32(TypedLine(ToFloat(), size: size, table: table))
    case .float16: .float16(TypedLine(ToHalf(), size: size, table: table))
    case .int16(let quantizer): .int16(TypedLine(ToInt16(quantizer: quantizer), size: size, table: table))
    case .byte(let quantizer): .byte(TypedLine(ToByte(quantizer: quantizer), size: size, table: table))
    }
  }
}

/// From a real number to one of a tensor's own.
protocol Conversion {
  associatedtype Number: BitwiseCopyable
  func convert(_ value: Float) -> Number
}

struct ToFloat: Conversion {
  func convert(_ value: Float) -> Float { value }
}

struct ToHalf: Conversion {
  func convert(_ value: Float) -> UInt16 { halfBits(of: value) }
}

struct ToInt16: Conversion {
  let quantizer: Quantizer

  func convert(_ value: Float) -> Int16 { Int16(truncatingIfNeeded: quantizer.quantize(value)) }
}

struct ToByte: Conversion {
  let quantizer: Quantizer

  func convert(_ value: Float) -> UInt8 { UInt8(truncatingIfNeeded: quantizer.quantize(value)) }
}

/// A row in the tensor's own type, and the table that bytes go through on their way. (An enumeration, since a protocol's generic
/// conformances are not specialized: they cost twenty nanoseconds a number.)
enum Line {
  case float32(TypedLine<ToFloat>)
  case float16(TypedLine<ToHalf>)
  case int16(TypedLine<ToInt16>)
  case byte(TypedLine<ToByte>)

  /// Numbers `to`, `to + toStep` ... from the bytes `from`, `from + step` ... through the table from `table` on.
  func look(_ row: Memory<UInt8>, from: Int, step: Int, to: Int, toStep: Int, count: Int, table: Int) {
    switch self {
    case .float32(let line): line.look(row, from: from, step: step, to: to, toStep: toStep, count: count, table: table)
    case .float16(let line): line.look(row, from: from, step: step, to: to, toStep: toStep, count: count, table: table)
    case .int16(let line): line.look(row, from: from, step: step, to: to, toStep: toStep, count: count, table: table)
    case .byte(let line): line.look(row, from: from, step: step, to: to, toStep: toStep, count: count, table: table)
    }
  }

  /// Numbers `to`, `to + toStep` ... from the real values `from`, `from + step` ...
  func store(_ row: Memory<Float>, from: Int, step: Int, to: Int, toStep: Int, count: Int) {
    switch self {
    case .float32(let line): line.store(row, from: from, step: step, to: to, toStep: toStep, count: count)
    case .float16(let line): line.store(row, from: from, step: step, to: to, toStep: toStep, count: count)
    case .int16(let line): line.store(row, from: from, step: step, to: to, toStep: toStep, count: count)
    case .byte(let line): line.store(row, from: from, step: step, to: to, toStep: toStep, count: count)
    }
  }

  /// Store one real value.
  func set(_ at: Int, _ value: Float) {
    switch self {
    case .float32(let line): line.set(at, value)
    case .float16(let line): line.set(at, value)
    case .int16(let line): line.set(at, value)
    case .byte(let line): line.set(at, value)
    }
  }

  /// Copy numbers into a tensor.
  func put(_ into: Tensor, at: Int, from: Int, count: Int) {
    switch self {
    case .float32(let line): line.put(into, at: at, from: from, count: count)
    case .float16(let line): line.put(into, at: at, from: from, count: count)
    case .int16(let line): line.put(into, at: at, from: from, count: count)
    case .byte(let line): line.put(into, at: at, from: from, count: count)
    }
  }
}

/// A row of numbers of one type.
struct TypedLine<To: Conversion> {
  private let values: Memory<To.Number>
  private let table: Memory<To.Number>?
  private let to: To

  init(_ to: To, size: Int, table: [Float]) {
    values = Memory(repeating: to.convert(0), count: size)
    self.table = table.isEmpty ? nil : Memory(table.map(to.convert))
    self.to = to
  }

  func look(_ row: Memory<UInt8>, from: Int, step: Int, to: Int, toStep: Int, count: Int, table start: Int) {
    guard let table else { return }
    lookUp(
      row, from: from, step: step, table, at: start, to: to, toStep: toStep, count: count, into: values)
  }

  func store(_ row: Memory<Float>, from: Int, step: Int, to: Int, toStep: Int, count: Int) {
    convertRow(row, from: from, step: step, to: to, toStep: toStep, count: count, into: values) { self.to.convert($0) }
  }

  func set(_ at: Int, _ value: Float) { values[at] = to.convert(value) }

  func put(_ into: Tensor, at: Int, from: Int, count: Int) {
    into.memory.store(count, from: values, at: from, to: at)
  }
}
