package dev.edgecv.preprocess

import dev.edgecv.DType
import dev.edgecv.QuantParams

/** Between real numbers and what a tensor of one type holds. */
internal class Quantizer(private val dtype: DType, params: QuantParams) {
    private val scale = params.scale.toFloat()
    private val zeroPoint = params.zeroPoint.toFloat()
    private val low = if (dtype == DType.UINT8) 0f else if (dtype == DType.INT8) -128f else -32768f
    private val high = if (dtype == DType.UINT8) 255f else if (dtype == DType.INT8) 127f else 32767f

    /** q = clamp(round_half_to_even(y / s) + z), in float32. */
    fun quantize(value: Float): Int {
        val steps = Math.rint((value / scale).toDouble()).toFloat() + zeroPoint
        return (if (steps < low) low else if (steps > high) high else steps).toInt()
    }
}

/** binary16 of a float32: to the nearest, ties to even, subnormals kept. */
internal fun halfOf(value: Float): Short {
    val bits = value.toRawBits()
    val sign = bits ushr 16 and 0x8000
    val magnitude = bits and 0x7fffffff
    val half = when {
        magnitude > 0x7f800000 -> 0x7e00 // NaN
        magnitude >= 0x477ff000 -> 0x7c00 // rounds to infinity
        magnitude >= 0x38800000 -> roundShift(magnitude - 0x38000000, 13)
        magnitude >= 0x33000000 -> subnormal(magnitude)
        else -> 0
    }
    return (sign or half).toShort()
}

private fun subnormal(magnitude: Int): Int {
    val mantissa = magnitude and 0x7fffff or 0x800000
    return roundShift(mantissa, 126 - (magnitude ushr 23))
}

/** Shift right by `by`, to the nearest, ties to even. */
private fun roundShift(value: Int, by: Int): Int {
    val kept = value ushr by
    val rest = value and ((1 shl by) - 1)
    val half = 1 shl (by - 1)
    return if (rest > half || (rest == half && kept and 1 == 1)) kept + 1 else kept
}

/** float32 of a binary16. */
internal fun floatOfHalf(half: Short): Float {
    val bits = half.toInt() and 0xffff
    val exponent = bits shr 10 and 31
    val mantissa = bits and 0x3ff
    val magnitude = when (exponent) {
        0 -> mantissa * 5.9604645e-8f // 2^-24
        31 -> if (mantissa == 0) Float.POSITIVE_INFINITY else Float.NaN
        else -> Float.fromBits((exponent + 112 shl 23) or (mantissa shl 13))
    }
    return if (bits and 0x8000 == 0) magnitude else -magnitude
}
