package dev.edgecv.heads

import dev.edgecv.Activation
import kotlin.math.abs
import kotlin.math.exp

/** Apply an activation to the values of one sample, in their place and without overflow. */
internal fun activate(row: FloatArray, activation: Activation) = when (activation) {
    Activation.NONE -> Unit
    Activation.SOFTMAX -> softmax(row)
    Activation.SIGMOID -> sigmoid(row)
}

private fun sigmoid(row: FloatArray) {
    for (i in row.indices) {
        val small = exp(-abs(row[i]))
        row[i] = (if (row[i] >= 0) 1f else small) / (1 + small)
    }
}

private fun softmax(row: FloatArray) {
    var highest = row[0]
    for (value in row) if (value > highest) highest = value
    var sum = 0f
    for (i in row.indices) {
        row[i] = exp(row[i] - highest)
        sum += row[i]
    }
    for (i in row.indices) row[i] /= sum
}
