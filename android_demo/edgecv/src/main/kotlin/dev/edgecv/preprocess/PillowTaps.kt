package dev.edgecv.preprocess

import dev.edgecv.Kernel
import kotlin.math.abs
import kotlin.math.ceil

internal const val PRECISION_BITS = 22 // Pillow's fixed point: 32 - 8 - 2

/**
 * Pillow's weighted sums for a run of output positions: output i is the sum of weight[i * most + k] * input[first[i] + k], k < count[i].
 */
internal class FixedTaps(val first: IntArray, val count: IntArray, val weight: IntArray, val most: Int)

/** Source: `precompute_coeffs` and `normalize_coeffs_8bpc` in Pillow 13.0.0, src/libImaging/Resample.c. */
internal fun pillowTaps(kernel: Kernel, axis: Axis): FixedTaps {
    val filter = PillowFilter.of(kernel)
    val scale = axis.taken.toDouble() / axis.scaled
    val widened = maxOf(scale, 1.0)
    val support = filter.support * widened
    val most = ceil(support).toInt() * 2 + 1
    val taps = FixedTaps(IntArray(axis.shown), IntArray(axis.shown), IntArray(axis.shown * most), most)
    val weights = DoubleArray(most)
    for (i in 0 until axis.shown) {
        val centre = (axis.skipped + i + 0.5) * scale
        val first = maxOf(0, (centre - support + 0.5).toInt())
        val count = minOf(axis.taken, (centre + support + 0.5).toInt()) - first
        var sum = 0.0
        for (k in 0 until count) {
            weights[k] = filter.at((k + first - centre + 0.5) * (1.0 / widened))
            sum += weights[k]
        }
        for (k in 0 until count) {
            taps.weight[i * most + k] = toFixed(if (sum != 0.0) weights[k] / sum else weights[k])
        }
        taps.first[i] = first
        taps.count[i] = count
    }
    return taps
}

private fun toFixed(weight: Double): Int {
    val scaled = weight * (1 shl PRECISION_BITS)
    return (if (weight < 0) scaled - 0.5 else scaled + 0.5).toInt()
}

/** Centres found by adding up steps in float64. Source: Pillow, src/libImaging/Geometry.c. */
internal fun pillowNearest(axis: Axis): IntArray {
    val step = axis.taken.toDouble() / axis.scaled
    var at = step * 0.5
    return IntArray(axis.skipped + axis.shown) {
        val position = at.toInt()
        at += step
        axis.first + position
    }.copyOfRange(axis.skipped, axis.skipped + axis.shown)
}

private enum class PillowFilter(val support: Double) {
    BOX(0.5) {
        override fun at(x: Double) = if (x > -0.5 && x <= 0.5) 1.0 else 0.0
    },
    BILINEAR(1.0) {
        override fun at(x: Double) = abs(x).let { if (it < 1.0) 1.0 - it else 0.0 }
    },
    BICUBIC(2.0) {
        override fun at(x: Double): Double {
            val a = -0.5
            val d = abs(x)
            if (d < 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1
            return if (d < 2.0) (((d - 5) * d + 8) * d - 4) * a else 0.0
        }
    },
    LANCZOS(3.0) {
        override fun at(x: Double) = if (-3.0 <= x && x < 3.0) sinc(x) * sinc(x / 3) else 0.0

        // StrictMath: the same bits on every machine
        private fun sinc(x: Double): Double = if (x == 0.0) 1.0 else StrictMath.sin(x * Math.PI) / (x * Math.PI)
    },
    ;

    abstract fun at(x: Double): Double

    companion object {
        fun of(kernel: Kernel): PillowFilter = valueOf(kernel.name)
    }
}
