package dev.edgecv.heads

import dev.edgecv.Activation
import kotlin.math.abs
import kotlin.math.exp

/**
 * Apply an activation to the values of one sample, in their place and without overflow. It is computed in float64, sums in the order of
 * the values, and rounded to float32 once: the same in every language.
 */
internal fun activate(row: FloatArray, activation: Activation) = when (activation) {
    Activation.NONE -> Unit
    Activation.SOFTMAX -> softmax(row)
    Activation.SIGMOID -> sigmoid(row)
}

/** 1 / (1 + exp(-value)) in float64, without overflow. */
internal fun sigmoid(value: Double): Double {
    val small = exp(-abs(value))
    return (if (value >= 0) 1.0 else small) / (1.0 + small)
}

private fun sigmoid(row: FloatArray) {
    for (i in row.indices) row[i] = sigmoid(row[i].toDouble()).toFloat()
}

private fun softmax(row: FloatArray) {
    var highest = row[0]
    for (value in row) if (value > highest) highest = value
    val top = highest.toDouble()
    var sum = 0.0
    for (value in row) sum += exp(value.toDouble() - top)
    for (i in row.indices) row[i] = (exp(row[i].toDouble() - top) / sum).toFloat()
}
