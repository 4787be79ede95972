package dev.edgecv.heads.boxes

import dev.edgecv.Activation
import dev.edgecv.BoxClasses
import dev.edgecv.BoxDecoder
import dev.edgecv.Centers
import dev.edgecv.heads.RowReader
import dev.edgecv.heads.activate
import dev.edgecv.heads.sigmoid
import kotlin.math.ln
import kotlin.math.min
import kotlin.math.round

private const val SLACK = 1e-3 // by which a quick look takes more than reach the threshold
private const val LEAST = 1e-6 // a threshold below is none for the quick look
private const val SURE = 10.0 // a sigmoid rounds to 1 from 17 on

/**
 * The pairs of a row and a class whose score reaches the class's threshold, best first: score down, then row up, then class up.
 *
 * The best `before` are kept in a heap of numbers that sort like that: the score's bits turned round, then the pair. So a frame allocates
 * nothing, however many there are.
 *
 * @param numbers the numbers of the rows' classes, where the model says them; then there is one score a row.
 * @param thresholds one for each class; NaN for what is no answer.
 */
internal class Candidates(
    private val decoder: BoxDecoder,
    private val activation: Activation,
    private val scores: RowReader,
    private val objectness: RowReader?,
    private val numbers: RowReader?,
    private val thresholds: FloatArray,
    private val cells: Cells,
) {
    private val classes = thresholds.size
    private val objectActivation = if (activation == Activation.SIGMOID) Activation.SIGMOID else Activation.NONE
    private val heap = LongArray(minOf(decoder.before.toLong(), scores.rows.toLong() * classes).toInt())
    private val values = FloatArray(scores.count)
    private val shares = FloatArray(classes)
    private val share = FloatArray(1)
    private val lows = DoubleArray(classes) { low(thresholds[it]) }

    /** How many there are. */
    var count = 0
        private set

    fun row(place: Int): Int = pair(place) / classes

    fun label(place: Int): Int = pair(place) % classes

    fun score(place: Int): Float = Float.fromBits(Int.MAX_VALUE - (heap[place] ushr Int.SIZE_BITS).toInt())

    private fun pair(place: Int) = heap[place].toInt()

    fun find(outputs: List<FloatArray>) {
        count = 0
        for (row in 0 until scores.rows) {
            scores.read(outputs, row, values)
            if (numbers == null) addRow(outputs, row) else addNumbered(outputs, row, numbers)
        }
        sort()
    }

    private fun addRow(outputs: List<FloatArray>, row: Int) {
        val top = if (activation == Activation.SOFTMAX) highest() else 0.0
        val only = if (decoder.classes == BoxClasses.BEST) best() else -1
        var activated = false
        var objectShare = Float.NaN
        for (label in 0 until classes) {
            if (only >= 0 && label != only || values[label] < top + lows[label] || thresholds[label].isNaN()) continue
            if (decoder is Centers && !isPeak(decoder, outputs, row, label)) continue
            if (activation == Activation.SOFTMAX && !activated) {
                values.copyInto(shares)
                activate(shares, activation)
                activated = true
            }
            var score = when (activation) {
                Activation.NONE -> values[label]
                Activation.SIGMOID -> sigmoid(values[label].toDouble()).toFloat()
                Activation.SOFTMAX -> shares[label]
            }
            if (objectness != null) {
                if (objectShare.isNaN()) objectShare = objectScore(objectness, outputs, row)
                score *= objectShare
            }
            if (score >= thresholds[label]) offer(score, row * classes + label)
        }
    }

    /** The one score of a row, if the number of its class, rounded half to even, is that of a class. */
    private fun addNumbered(outputs: List<FloatArray>, row: Int, numbers: RowReader) {
        val number = round(numbers.number(outputs, row, 0).toDouble())
        if (!(number >= 0 && number < classes)) return
        val label = number.toInt()
        activate(values, activation)
        var score = values[0]
        if (objectness != null) score *= objectScore(objectness, outputs, row)
        if (score >= thresholds[label]) offer(score, row * classes + label)
    }

    private fun objectScore(objectness: RowReader, outputs: List<FloatArray>, row: Int): Float {
        objectness.read(outputs, row, share)
        activate(share, objectActivation)
        return share[0]
    }

    /** The least value, over the row's highest with a softmax, of what may reach a threshold: a quick look before the exact activation. */
    private fun low(threshold: Float): Double {
        val limit = threshold.toDouble()
        val unbounded = objectness != null && objectActivation == Activation.NONE // which may make any score larger
        return when {
            limit.isNaN() || limit <= LEAST || unbounded -> Double.NEGATIVE_INFINITY
            activation == Activation.NONE -> limit
            activation == Activation.SOFTMAX -> ln(limit) - SLACK
            limit >= 1 -> SURE
            else -> min(ln(limit / (1 - limit)) - SLACK, SURE)
        }
    }

    private fun highest(): Double {
        var top = values[0]
        for (value in values) if (value > top) top = value
        return top.toDouble()
    }

    /** The class with the largest value, the first of equal ones, the background left out. */
    private fun best(): Int {
        var best = -1
        for (label in 0 until classes) {
            if (!thresholds[label].isNaN() && (best < 0 || values[label] > values[best])) best = label
        }
        return best
    }

    /** Says whether no value of the class in the window around the row's cell is larger. */
    private fun isPeak(decoder: Centers, outputs: List<FloatArray>, place: Int, label: Int): Boolean {
        cells.seek(place)
        val reach = decoder.window / 2
        for (y in maxOf(0, cells.row - reach)..minOf(cells.gridRows - 1, cells.row + reach)) {
            for (x in maxOf(0, cells.column - reach)..minOf(cells.gridColumns - 1, cells.column + reach)) {
                if (scores.number(outputs, cells.begin + y * cells.gridColumns + x, label) > values[label]) return false
            }
        }
        return true
    }

    /** Take one in, unless there are as many that sort before it; the heap's first is the last of them. */
    private fun offer(score: Float, pair: Int) {
        val bits = (score + 0f).toRawBits() // -0 is 0; no score is below, as no threshold is
        val key = ((Int.MAX_VALUE - bits).toLong() shl Int.SIZE_BITS) or pair.toLong()
        if (count < heap.size) {
            var at = count++
            while (at > 0 && heap[(at - 1) / 2] < key) {
                heap[at] = heap[(at - 1) / 2]
                at = (at - 1) / 2
            }
            heap[at] = key
        } else if (key < heap[0]) {
            sink(key, heap.size)
        }
    }

    /** Put a key in the place of the first of a heap of that size. */
    private fun sink(key: Long, size: Int) {
        var at = 0
        while (true) {
            var child = 2 * at + 1
            if (child >= size) break
            if (child + 1 < size && heap[child + 1] > heap[child]) child++
            if (heap[child] <= key) break
            heap[at] = heap[child]
            at = child
        }
        heap[at] = key
    }

    private fun sort() {
        for (end in count - 1 downTo 1) {
            val last = heap[end]
            heap[end] = heap[0]
            sink(last, end)
        }
    }
}
