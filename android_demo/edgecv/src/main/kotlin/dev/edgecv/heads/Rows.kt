package dev.edgecv.heads

import dev.edgecv.ChannelAxis
import dev.edgecv.Columns

/** How many rows and columns some columns have together. */
internal data class RowForm(val rows: Int, val count: Int)

/**
 * The form of several columns, one after the other.
 *
 * @param what what messages call them.
 * @throws dev.edgecv.SpecException they are none of the head's outputs, or do not fit in them, or have unequal counts.
 */
internal fun rowForm(columns: List<Columns>, form: HeadForm, what: String): RowForm {
    if (columns.isEmpty()) form.refuse("its decoder has no $what")
    val forms = columns.map { rowForm(it, form, what) }
    if (forms.any { it.count != forms[0].count }) form.refuse("the $what of its decoder have different numbers of columns")
    return RowForm(forms.sumOf { it.rows }, forms[0].count)
}

private fun rowForm(columns: Columns, form: HeadForm, what: String): RowForm {
    checkRange(columns, form, what)
    val shape = form.shape(columns.output)
        ?: form.refuse("the $what of its decoder are of '${columns.output}', which is no output of the head")
    if (shape.size < 2) form.refuse("the $what of its decoder need an output with a channel axis, got $shape")
    val channels = if (columns.channels == ChannelAxis.SECOND) shape[1] else shape.last()
    val width = columns.width ?: channels
    val end = if (columns.count == null) width else columns.first + columns.count
    if (channels % width != 0 || end !in columns.first + 1..width) {
        form.refuse("the $what of its decoder do not fit in the $channels channels of '${columns.output}'")
    }
    return RowForm(shape.drop(1).fold(1, Int::times) / width, end - columns.first)
}

private fun checkRange(columns: Columns, form: HeadForm, what: String) {
    val sides = listOfNotNull(columns.count, columns.width)
    if (columns.first !in 0..MOST || sides.any { it !in 1..MOST }) {
        form.refuse("the columns of the $what of its decoder must be in 0..$MOST, got $columns")
    }
}

/** The highest number of a place, a side or a count in a decoder. */
internal const val MOST: Int = 1 shl 20

/** Reads rows of numbers from a head's outputs as `Columns` say; several are one after the other. Allocates nothing. */
internal class RowReader(columns: List<Columns>, form: HeadForm, places: IntArray) {
    private val parts = Array(columns.size) { Part(columns[it], form, places) }

    /** How many rows there are. */
    val rows: Int = parts.sumOf { it.rows }

    /** How many numbers a row has. */
    val count: Int = parts[0].count

    /** One number. */
    fun number(outputs: List<FloatArray>, row: Int, column: Int): Float {
        var left = row
        for (part in parts) {
            if (left < part.rows) return outputs[part.place][part.start(left) + column * part.step]
            left -= part.rows
        }
        throw IndexOutOfBoundsException("row $row of $rows")
    }

    /** Fill `into` with a row. */
    fun read(outputs: List<FloatArray>, row: Int, into: FloatArray) {
        var left = row
        for (part in parts) {
            if (left < part.rows) return part.read(outputs, left, into)
            left -= part.rows
        }
    }

    private class Part(columns: Columns, form: HeadForm, places: IntArray) {
        private val shape = checkNotNull(form.shape(columns.output)) { "checked when the manifest was read" }
        private val second = columns.channels == ChannelAxis.SECOND
        private val channels = if (second) shape[1] else shape.last()
        private val cells = shape.drop(1).fold(1, Int::times) / channels
        private val width = columns.width ?: channels
        private val first = columns.first
        val place = places[form.spec.outputs.indexOf(columns.output)]
        val count = columns.count ?: (width - first)
        val rows = cells * (channels / width)

        /** How far apart the numbers of a row lie. */
        val step = if (second) cells else 1

        /** Where a row's first number lies. All of a row are in one cell, as the channels are whole rows. */
        fun start(row: Int): Int = if (!second) row * width + first else (row * width % channels + first) * cells + row * width / channels

        fun read(outputs: List<FloatArray>, row: Int, into: FloatArray) {
            val values = outputs[place]
            var at = start(row)
            for (i in 0 until count) {
                into[i] = values[at]
                at += step
            }
        }
    }
}
