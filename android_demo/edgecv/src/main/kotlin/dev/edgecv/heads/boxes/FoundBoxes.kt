package dev.edgecv.heads.boxes

import kotlin.math.max
import kotlin.math.min

/** The boxes of one sample, best first: corners, labels, scores and rows of the outputs of the first [count]. */
internal class FoundBoxes(capacity: Int) {
    val corners = FloatArray(CORNERS * capacity)
    val labels = IntArray(capacity)
    val scores = FloatArray(capacity)
    val rows = IntArray(capacity)
    var count = 0

    /** Add a box whose corners have been written behind the last one. */
    fun keep(label: Int, score: Float, row: Int) {
        labels[count] = label
        scores[count] = score
        rows[count] = row
        count += 1
    }
}

/**
 * The intersection over union of box `one` and box `other` of corners one after the other, each operation in float32; 0 where they do
 * not meet.
 */
internal fun overlap(first: FloatArray, one: Int, second: FloatArray, other: Int): Float {
    val a = CORNERS * one
    val b = CORNERS * other
    val wide = min(first[a + 2], second[b + 2]) - max(first[a], second[b])
    val tall = min(first[a + 3], second[b + 3]) - max(first[a + 1], second[b + 1])
    val common = max(wide, 0f) * max(tall, 0f)
    if (!(common > 0)) return 0f
    return common / ((area(first, a) + area(second, b)) - common)
}

private fun area(corners: FloatArray, at: Int): Float = (corners[at + 2] - corners[at]) * (corners[at + 3] - corners[at + 1])
