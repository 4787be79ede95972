/// Between real numbers and what a quantized tensor holds.
struct Quantizer {
  private let scale: Float
  private let zeroPoint: Float
  private let low: Float
  private let high: Float

  init(_ dtype: DType, _ params: QuantParams) {
    scale = Float(params.scale)
    zeroPoint = Float(params.zeroPoint)
    low = Float(dtype.range.lowerBound)
    high = Float(dtype.range.upperBound)
  }

  /// q = clamp(round_half_to_even(y / s) + z), in float32. Adding 1.5 * 2^23 rounds to a whole number, half to even, without the
  /// call of a function that `rounded()` costs on older processors.
  @inline(__always)
  func quantize(_ value: Float) -> Int32 {
    let steps = value / scale
    let whole = abs(steps) < 4_194_304 ? (steps + 12_582_912) - 12_582_912 : steps
    let number = whole + zeroPoint
    return Int32(number < low ? low : number > high ? high : number)
  }
}

/// The bits of the binary16 of a float32: to the nearest, ties to even, subnormals kept. (Swift's own Float16 is not there on
/// Macs with Intel processors.)
func halfBits(of value: Float) -> UInt16 {
  let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
  let magnitude = value.bitPattern & 0x7fff_ffff
  switch magnitude {
  case 0x7f80_0001...: return sign | 0x7e00  // NaN
  case 0x477f_f000...: return sign | 0x7c00  // rounds to infinity
  case 0x3880_0000...: return sign | UInt16(shifted(magnitude - 0x3800_0000, by: 13))
  case 0x3300_0000...: return sign | UInt16(shifted(magnitude & 0x7f_ffff | 0x80_0000, by: 126 - magnitude >> 23))
  default: return sign
  }
}

/// Shift right, to the nearest, ties to even.
private func shifted(_ value: UInt32, by: UInt32) -> UInt32 {
  let kept = value >> by
  let rest = value & ((1 << by) - 1)
  let half: UInt32 = 1 << (by - 1)
  return rest > half || (rest == half && kept & 1 == 1) ? kept + 1 : kept
}

/// The float32 of the bits of a binary16.
func float(ofHalf bits: UInt16) -> Float {
  let exponent = UInt32(bits >> 10 & 31)
  let mantissa = UInt32(bits & 0x3ff)
  let magnitude: Float
  switch exponent {
  case 0: magnitude = Float(mantissa) * 5.9604645e-8  // 2^-24
  case 31: magnitude = mantissa == 0 ? .infinity : .nan
  default: magnitude = Float(bitPattern: (exponent + 112) << 23 | mantissa << 13)
  }
  return bits & 0x8000 == 0 ? magnitude : -magnitude
}
