package dev.edgecv.heads.boxes

import dev.edgecv.Anchors
import dev.edgecv.BoxDecoder
import dev.edgecv.BoxOrder
import dev.edgecv.Centers
import dev.edgecv.Columns
import dev.edgecv.Decoded
import dev.edgecv.Distances
import dev.edgecv.Growth
import dev.edgecv.Level
import dev.edgecv.OffsetOrder
import dev.edgecv.Offsets
import dev.edgecv.PlaceUnit
import dev.edgecv.heads.Canvas
import dev.edgecv.heads.sigmoid
import kotlin.math.exp
import kotlin.math.min

/** How many numbers a box's corners are: left, top, right and bottom in pixels of the model's input. */
internal const val CORNERS: Int = 4

/** The levels of a decoder; none where its boxes are decoded already. */
internal val BoxDecoder.allLevels: List<Level>
    get() = when (this) {
        is Decoded -> emptyList()
        is Offsets -> levels
        is Distances -> levels
        is Anchors -> levels
        is Centers -> levels
    }

/** The columns with the numbers of the boxes' classes, where the model says a class by its number. */
internal val BoxDecoder.allNumbers: List<Columns> get() = (this as? Decoded)?.numbers.orEmpty()

/** How many classes numbers tell apart; null where there is a score for each class. */
internal val BoxDecoder.numberedCount: Int? get() = (this as? Decoded)?.classCount

/** How many numbers a decoder has of each box. */
internal val BoxDecoder.numberCount: Int
    get() = when (this) {
        is Distances -> CORNERS * bins
        is Centers -> 2
        else -> CORNERS
    }

/**
 * From the numbers of a box to its corners: the arithmetic of each form of decoder, in float64 (docs/decoding.md).
 *
 * @param cells the cell of the row, which must have been sought where the decoder has levels.
 */
internal class BoxForms(private val decoder: BoxDecoder, private val cells: Cells, private val canvas: Canvas) {
    /** The corners of the last box. */
    val corners = DoubleArray(CORNERS)

    /** @param inner the offset of the centre in its cell, of [Centers] with offsets. */
    fun decode(values: FloatArray, inner: FloatArray?): Unit = when (decoder) {
        is Decoded -> decoded(decoder, values)
        is Offsets -> offsets(decoder, values)
        is Distances -> distances(decoder, values)
        is Anchors -> anchors(decoder, values)
        is Centers -> centers(values, inner)
    }

    private fun decoded(decoder: Decoded, values: FloatArray) {
        val swapped = decoder.order == BoxOrder.YXYX
        val relative = decoder.unit == PlaceUnit.RELATIVE
        val wide = if (relative) canvas.width.toDouble() else 1.0
        val tall = if (relative) canvas.height.toDouble() else 1.0
        val a = values[if (swapped) 1 else 0] * wide
        val b = values[if (swapped) 0 else 1] * tall
        val c = values[if (swapped) 3 else 2] * wide
        val d = values[if (swapped) 2 else 3] * tall
        when (decoder.order) {
            BoxOrder.XYXY, BoxOrder.YXYX -> set(a, b, c, d)
            BoxOrder.XYWH -> set(a, b, a + c, b + d)
            BoxOrder.CXCYWH -> around(a, b, c, d)
        }
    }

    private fun offsets(decoder: Offsets, values: FloatArray) {
        val swapped = decoder.order == OffsetOrder.YXHW
        val scale = decoder.variances
        val x = values[if (swapped) 1 else 0] * scale[0]
        val y = values[if (swapped) 0 else 1] * scale[1]
        val w = values[if (swapped) 3 else 2] * scale[2]
        val h = values[if (swapped) 2 else 3] * scale[3]
        val largest = decoder.largest ?: Double.POSITIVE_INFINITY
        around(
            x * cells.width + (cells.column + decoder.centre) * cells.across,
            y * cells.height + (cells.row + decoder.centre) * cells.down,
            exp(min(w, largest)) * cells.width,
            exp(min(h, largest)) * cells.height,
        )
    }

    private fun distances(decoder: Distances, values: FloatArray) {
        val x = cells.column + decoder.centre
        val y = cells.row + decoder.centre
        set(
            (x - distance(values, 0, decoder.bins)) * cells.across,
            (y - distance(values, 1, decoder.bins)) * cells.down,
            (x + distance(values, 2, decoder.bins)) * cells.across,
            (y + distance(values, 3, decoder.bins)) * cells.down,
        )
    }

    /** One of the four distances: with bins the mean of their numbers by softmax, sums in their order. */
    private fun distance(values: FloatArray, side: Int, bins: Int): Double {
        val begin = side * bins
        if (bins == 1) return values[begin].toDouble()
        var highest = values[begin]
        for (i in begin until begin + bins) if (values[i] > highest) highest = values[i]
        var total = 0.0
        var weighted = 0.0
        for (i in 0 until bins) {
            val power = exp(values[begin + i].toDouble() - highest.toDouble())
            total += power
            weighted += power * i
        }
        return weighted / total
    }

    private fun anchors(decoder: Anchors, values: FloatArray) {
        val shift = (decoder.stretch - 1) / 2
        around(
            (cells.column + (sigmoid(values[0].toDouble()) * decoder.stretch - shift)) * cells.across,
            (cells.row + (sigmoid(values[1].toDouble()) * decoder.stretch - shift)) * cells.down,
            growth(decoder, values[2].toDouble()) * cells.width,
            growth(decoder, values[3].toDouble()) * cells.height,
        )
    }

    private fun growth(decoder: Anchors, value: Double): Double {
        if (decoder.growth == Growth.EXP) return exp(value)
        val twice = 2 * sigmoid(value)
        return twice * twice
    }

    private fun centers(values: FloatArray, inner: FloatArray?) {
        val x = if (inner == null) 0.0 else inner[0].toDouble()
        val y = if (inner == null) 0.0 else inner[1].toDouble()
        around((cells.column + x) * cells.across, (cells.row + y) * cells.down, values[0] * cells.across, values[1] * cells.down)
    }

    private fun around(x: Double, y: Double, width: Double, height: Double) =
        set(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    private fun set(left: Double, top: Double, right: Double, bottom: Double) {
        corners[0] = left
        corners[1] = top
        corners[2] = right
        corners[3] = bottom
    }
}
