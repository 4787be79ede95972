package dev.edgecv.heads.boxes

import dev.edgecv.Anchors
import dev.edgecv.BoxDecoder
import dev.edgecv.Centers
import dev.edgecv.Columns
import dev.edgecv.Decoded
import dev.edgecv.Distances
import dev.edgecv.Level
import dev.edgecv.Offsets
import dev.edgecv.heads.HeadForm
import dev.edgecv.heads.MOST
import dev.edgecv.heads.RowForm
import dev.edgecv.heads.rowForm

/** The rules that a decoder of boxes must keep: its columns and levels fit the outputs and each other. */
internal class BoxRules(private val form: HeadForm, private val decoder: BoxDecoder) {
    /** @throws dev.edgecv.SpecException they do not. */
    fun check() {
        val (rows, scores) = rowForm(decoder.scores, form, "scores")
        val columns = decoder.numberedCount ?: scores
        checkNumbers()
        checkRows("boxes", RowForm(rows, decoder.numberCount), decoder.boxes)
        if (decoder.objectness.isNotEmpty()) checkRows("objectness", RowForm(rows, 1), decoder.objectness)
        val offsets = (decoder as? Centers)?.offsets.orEmpty()
        if (offsets.isNotEmpty()) checkRows("offsets", RowForm(rows, 2), offsets)
        checkNumbered(rows)
        checkLevels(rows)
        val background = decoder.background
        if (background != null && background !in 0 until columns) {
            form.refuse("the background of its decoder must be in 0..${columns - 1}, got $background")
        }
        val overlap = decoder.overlap
        if (overlap != null && (overlap < 0 || overlap > 1)) form.refuse("the overlap of its decoder must be in 0..1, got $overlap")
    }

    private fun checkNumbered(rows: Int) {
        val numbers = decoder.allNumbers
        val classes = decoder.numberedCount
        if (numbers.isEmpty() != (classes == null)) {
            form.refuse("its decoder needs both the numbers of classes and the class_count, or neither")
        }
        if (classes == null) return
        checkRows("numbers", RowForm(rows, 1), numbers)
        checkRows("scores", RowForm(rows, 1), decoder.scores)
        if (classes !in 1..MOST || rows.toLong() * classes > Int.MAX_VALUE) {
            form.refuse("its decoder has $classes classes of $rows boxes, which are none or too many")
        }
    }

    private fun checkNumbers() {
        val own = when (decoder) {
            is Distances -> listOf("bins" to decoder.bins)
            is Centers -> listOf("window" to decoder.window)
            else -> emptyList()
        }
        for ((name, number) in own + listOf("before" to decoder.before, "most" to decoder.most)) {
            if (number !in 1..MOST) form.refuse("the $name of its decoder must be in 1..$MOST, got $number")
        }
        if (decoder is Offsets && decoder.variances.size != CORNERS) {
            form.refuse("the variances of its decoder are $CORNERS numbers, got ${decoder.variances}")
        }
    }

    private fun checkRows(name: String, wanted: RowForm, columns: List<Columns>) {
        val found = rowForm(columns, form, name)
        if (found == wanted) return
        form.refuse(
            "the $name of its decoder must be ${wanted.rows} rows of ${wanted.count} columns, got ${found.rows} of ${found.count}",
        )
    }

    private fun checkLevels(rows: Int) {
        val levels = decoder.allLevels
        if (decoder is Decoded) return
        if (levels.isEmpty()) form.refuse("its decoder has no levels")
        levels.forEach(::checkLevel)
        val places = levels.sumOf { it.grid[0].toLong() * it.grid[1] * maxOf(1, it.sizes.size) }
        if (places != rows.toLong()) form.refuse("the levels of its decoder have $places places for $rows boxes")
    }

    private fun checkLevel(level: Level) {
        val pairs = level.grid.size == 2 && level.stride.size == 2 && level.sizes.all { it.size == 2 }
        if (!pairs) form.refuse("the grid, stride and sizes of its decoder's levels are two numbers each")
        if (level.grid.any { it !in 1..MOST }) form.refuse("the grids of its decoder must be in 1..$MOST, got ${level.grid}")
        if ((level.stride + level.sizes.flatten()).any { it <= 0 }) form.refuse("the strides and sizes of its decoder must be over 0")
        val anchored = decoder is Offsets || decoder is Anchors
        if (anchored == level.sizes.isEmpty()) form.refuse("the levels of its decoder ${if (anchored) "need" else "have"} sizes")
    }
}
