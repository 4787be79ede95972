package dev.edgecv.preprocess

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor

/*
 * TensorFlow's taps in its own float32 arithmetic. Nothing here may be reordered or fused (docs/preprocessing.md, "TensorFlow's
 * kernels"). Kotlin's Float is IEEE binary32, and each operation is rounded by itself: the Java language (JLS 15.4) allows no fused
 * one that the source does not ask for, on ART neither. The self-test would show a device that does otherwise.
 */

private const val TABLE = 1024 // steps in TensorFlow's table of the cubic
private const val RADIUS = 3f // of Lanczos
private const val PI = 3.14159265359f

/** Weighted sums: output i is the sum over k, in that order, of weight[i * count + k] * input[index[i * count + k]]. */
internal class FloatTaps(val index: IntArray, val weight: FloatArray, val count: Int)

/** Source: `ResizeNearestNeighbor`. */
internal fun tfNearest(axis: Axis): IntArray = IntArray(axis.shown) {
    axis.first + minOf(floor(centre(axis, it)).toInt(), axis.taken - 1)
}

/** The pixels at both sides, and the share of the second. Source: tensorflow/core/kernels/image/resize_bilinear_op.cc. */
internal class Bilinear(axis: Axis) {
    val low = IntArray(axis.shown)
    val high = IntArray(axis.shown)
    val share = FloatArray(axis.shown)

    init {
        for (i in 0 until axis.shown) {
            val at = centre(axis, i) - 0.5f
            val below = floor(at)
            low[i] = axis.first + maxOf(below, 0f).toInt()
            high[i] = axis.first + minOf(ceil(at).toInt(), axis.taken - 1)
            share[i] = at - below
        }
    }
}

/** Keys's cubic, a = -0.5, from a table. Source: tensorflow/core/kernels/image/resize_bicubic_op.cc. */
internal fun tfBicubic(axis: Axis): FloatTaps = floatTaps(axis, 4) { i, index, weight ->
    val at = centre(axis, i) - 0.5f
    val below = floor(at)
    val step = Math.rint(((at - below) * TABLE).toDouble()).toInt()
    weight[0] = far(step)
    weight[1] = near(step)
    weight[2] = near(TABLE - step)
    weight[3] = far(TABLE - step)
    for (k in 0 until 4) {
        val wanted = below.toInt() - 1 + k
        index[k] = wanted.coerceIn(0, axis.taken - 1)
        if (index[k] != wanted) weight[k] = 0f
    }
    toOne(weight)
}

private fun near(step: Int): Float = (step / TABLE.toDouble()).let { x -> (1.5 * x - 2.5) * x * x + 1 }.toFloat()

private fun far(step: Int): Float = (step / TABLE.toDouble() + 1).let { x -> ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 }.toFloat()

/** Lanczos of radius 3. Source: tensorflow/core/kernels/image/scale_and_translate_op.cc and sampling_kernels.h. */
internal fun tfLanczos(axis: Axis): FloatTaps {
    val inverse = 1f / (axis.scaled.toFloat() / axis.taken.toFloat())
    val end = axis.taken - 1
    return floatTaps(axis, 2 * RADIUS.toInt() + 1) { i, index, weight ->
        val at = ((axis.skipped + i).toFloat() + 0.5f) * inverse
        val first = ceil(at - RADIUS - 0.5f).toInt().coerceIn(0, end)
        val last = floor(at + RADIUS - 0.5f).toInt().coerceIn(0, end)
        for (k in index.indices) {
            val wanted = first + k
            weight[k] = if (wanted <= last) lanczosKernel(abs(wanted.toFloat() + 0.5f - at)) else 0f
            index[k] = minOf(wanted, end)
        }
        toOne(weight)
    }
}

private fun lanczosKernel(x: Float): Float {
    if (x <= 1e-3f) return 1f
    if (x > RADIUS) return 0f
    val angle = PI * x
    return RADIUS * sine(angle) * sine(angle / RADIUS) / (PI * PI * x * x)
}

/** The sine of a float32 of 0 to 9.43, as glibc's `sinf` rounds it (sysdeps/ieee754/flt-32/s_sinf.c). */
private fun sine(angle: Float): Float {
    val quarter = floor(angle.toDouble() * (2 / Math.PI) + 0.5)
    val x = angle.toDouble() - quarter * (Math.PI / 2)
    val x2 = x * x
    val value = if (quarter % 2 == 0.0) {
        (x + x * x2 * -0.16666654943701084) + x * x2 * x2 * (0.008332178146138854 + x2 * -0.00019517298981385725)
    } else {
        (1.0 + x2 * -0.49999999725108224 + x2 * x2 * 0.041666623324344516) +
            x2 * x2 * x2 * (-0.001388676379437604 + x2 * 2.4390450703564542e-05)
    }
    return (if (quarter % 4 >= 2) -value else value).toFloat()
}

/** The share of each pixel that an output pixel covers. Source: tensorflow/core/kernels/image/resize_area_op.cc. */
internal fun tfBox(axis: Axis): FloatTaps {
    val scale = scale(axis)
    var most = 0
    for (i in 0 until axis.scaled) most = maxOf(most, (ceil((i + 1).toFloat() * scale) - floor(i.toFloat() * scale)).toInt())
    return floatTaps(axis, most) { i, index, weight ->
        val low = (axis.skipped + i).toFloat() * scale
        val high = (axis.skipped + i + 1).toFloat() * scale
        for (k in index.indices) {
            val at = floor(low) + k.toFloat()
            weight[k] = if (at < ceil(high)) covered(at, low, high, scale) else 0f
            index[k] = minOf(at.toInt(), axis.taken - 1)
        }
    }
}

private fun covered(at: Float, low: Float, high: Float, scale: Float): Float = when {
    at < low -> if (at + 1f > high) scale else at + 1f - low
    at + 1f > high -> high - at
    else -> 1f
}

/** One over the input pixels that an output pixel covers. */
internal fun boxShare(down: Axis, across: Axis): Float = 1f / (scale(down) * scale(across))

private fun scale(axis: Axis): Float = axis.taken.toFloat() / axis.scaled.toFloat()

private fun centre(axis: Axis, shown: Int): Float = ((axis.skipped + shown).toFloat() + 0.5f) * scale(axis)

/** Weights that add up to one: times the reciprocal of their sum, added in the order of the taps. */
private fun toOne(weight: FloatArray) {
    var total = weight[0]
    for (k in 1 until weight.size) total += weight[k]
    val share = 1f / total
    for (k in weight.indices) weight[k] *= share
}

private inline fun floatTaps(axis: Axis, count: Int, fill: (Int, IntArray, FloatArray) -> Unit): FloatTaps {
    val index = IntArray(axis.shown * count)
    val weight = FloatArray(axis.shown * count)
    val indexOf = IntArray(count)
    val weightOf = FloatArray(count)
    for (i in 0 until axis.shown) {
        fill(i, indexOf, weightOf)
        indexOf.copyInto(index, i * count)
        weightOf.copyInto(weight, i * count)
    }
    return FloatTaps(index, weight, count)
}
