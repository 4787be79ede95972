package dev.edgecv.heads

import dev.edgecv.UNSEEN
import dev.edgecv.View
import dev.edgecv.preprocess.Axis
import kotlin.math.floor

/** The class of a pixel's values: of one plane 1 from the threshold on, of several the largest, the first of equal ones. */
internal class Choice(val planes: Int, private val threshold: Float) {
    /** @param at where the values of the pixel begin. */
    fun of(values: FloatArray, at: Int): Byte {
        if (planes == 1) return if (values[at] >= threshold) 1 else 0
        var best = 0
        for (i in 1 until planes) if (values[at + i] > values[at + best]) best = i
        return best.toByte()
    }
}

/**
 * Brings planes of values to the pixels of a picture, in float32 (docs/decoding.md). What depends on the picture's view is prepared for
 * the last one; after that a frame allocates nothing.
 *
 * @param tall rows of the planes, which cover the model's input.
 * @param wide their columns.
 * @param bilinear whether values are interpolated; else each pixel has those of the cell that it lies in.
 */
internal class MaskMaker(
    private val tall: Int,
    private val wide: Int,
    private val choice: Choice,
    private val bilinear: Boolean,
    private val canvas: Canvas,
) {
    private val planes = choice.planes
    private var prepared: Prepared? = null

    /** Fill `into` with a class for each pixel of the picture; 255 where the model has not seen it. */
    fun make(values: FloatArray, view: View, into: ByteArray) {
        val same = view.unchanged && view.height == tall && view.width == wide && canvas.height == tall && canvas.width == wide
        if (same) {
            for (pixel in into.indices) into[pixel] = choice.of(values, pixel * planes)
            return
        }
        val made = prepared?.takeIf { it.view === view } ?: Prepared(view).also { prepared = it }
        made.forget()
        for (y in 0 until view.height) {
            val begin = y * view.width
            when {
                !made.down.seen[y] -> into.fill(UNSEEN.toByte(), begin, begin + view.width)
                bilinear -> interpolate(values, made, y, into)
                else -> pick(values, made, y, into)
            }
        }
    }

    private fun pick(values: FloatArray, made: Prepared, y: Int, into: ByteArray) {
        val begin = y * made.view.width
        val row = made.down.cell[y] * wide
        for (x in 0 until made.view.width) {
            into[begin + x] = if (made.across.seen[x]) choice.of(values, (row + made.across.cell[x]) * planes) else UNSEEN.toByte()
        }
    }

    private fun interpolate(values: FloatArray, made: Prepared, y: Int, into: ByteArray) {
        val upper = made.line(values, made.down.low[y])
        val lower = made.line(values, made.down.high[y])
        val weight = made.down.weight[y]
        val begin = y * made.view.width
        for (x in 0 until made.view.width) {
            if (!made.across.seen[x]) {
                into[begin + x] = UNSEEN.toByte()
                continue
            }
            val at = x * planes
            for (plane in 0 until planes) {
                val top = upper[at + plane]
                made.pixel[plane] = top + (lower[at + plane] - top) * weight
            }
            into[begin + x] = choice.of(made.pixel, 0)
        }
    }

    /** What is the same for all frames of one view. Two lines of the planes, interpolated across, serve many rows of the picture. */
    private inner class Prepared(val view: View) {
        val down = Places(view.placement.down, view.height, canvas.height, tall)
        val across = Places(view.placement.across, view.width, canvas.width, wide)
        val pixel = FloatArray(planes)
        private val lines = Array(2) { FloatArray(if (bilinear) view.width * planes else 0) }
        private val rows = IntArray(2)

        /** The values are those of another frame. */
        fun forget() = rows.fill(-1)

        /** A row of the planes at the picture's columns. Rows that are neighbours do not take each other's place. */
        fun line(values: FloatArray, row: Int): FloatArray {
            val line = lines[row and 1]
            if (rows[row and 1] == row) return line
            rows[row and 1] = row
            val begin = row * wide
            for (x in across.seen.indices) {
                val left = (begin + across.low[x]) * planes
                val right = (begin + across.high[x]) * planes
                val weight = across.weight[x]
                for (plane in 0 until planes) {
                    val from = values[left + plane]
                    line[x * planes + plane] = from + (values[right + plane] - from) * weight
                }
            }
            return line
        }
    }

    /** Where the centres of a picture's pixels along an axis are in the planes. */
    private class Places(axis: Axis, count: Int, canvas: Int, cells: Int) {
        val seen = BooleanArray(count)
        val cell = IntArray(count)

        /** The two cells whose centres are around the place, the edge's repeated outside, and the weight of the second. */
        val low = IntArray(count)
        val high = IntArray(count)
        val weight = FloatArray(count)

        init {
            for (i in 0 until count) {
                val input = axis.ahead(i + 0.5)
                seen[i] = input >= axis.at && input <= axis.at + axis.shown
                val place = input * cells / canvas
                val middle = place - 0.5
                val first = floor(middle)
                cell[i] = inside(floor(place), cells)
                low[i] = inside(first, cells)
                high[i] = inside(first + 1, cells)
                weight[i] = (middle - first).toFloat()
            }
        }

        private fun inside(place: Double, cells: Int): Int = maxOf(0.0, minOf(place, cells - 1.0)).toInt()
    }
}
