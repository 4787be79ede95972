package dev.edgecv.heads.boxes

import dev.edgecv.Level

/** The cell that a row of a decoder stands for: level by level, row, column, size. It is set by [seek], and allocates nothing. */
internal class Cells(levels: List<Level>) {
    private val tall = IntArray(levels.size) { levels[it].grid[0] }
    private val wide = IntArray(levels.size) { levels[it].grid[1] }
    private val sides = Array(levels.size) { level -> DoubleArray(2) { levels[level].stride[it] } }
    private val sizes = Array(levels.size) { level -> levels[level].sizes.flatten().toDoubleArray() }

    /** The number of levels. */
    val levels: Int = levels.size

    /** The level of the row, and the row of the decoder at which it begins. */
    var level = 0
        private set
    var begin = 0
        private set

    /** The cell. */
    var column = 0
        private set
    var row = 0
        private set

    /** The cell's stride in pixels. */
    var across = 0.0
        private set
    var down = 0.0
        private set

    /** The size of its anchor in pixels; 0 without one. */
    var width = 0.0
        private set
    var height = 0.0
        private set

    /** How many rows of cells, and columns, the level of the row has. */
    val gridRows: Int get() = tall[level]
    val gridColumns: Int get() = wide[level]

    fun seek(place: Int) {
        level = 0
        begin = 0
        while (place - begin >= count(level)) begin += count(level++)
        val each = each(level)
        val cell = (place - begin) / each
        val size = (place - begin) % each
        column = cell % wide[level]
        row = cell / wide[level]
        down = sides[level][0]
        across = sides[level][1]
        val anchors = sizes[level]
        width = if (anchors.isEmpty()) 0.0 else anchors[2 * size]
        height = if (anchors.isEmpty()) 0.0 else anchors[2 * size + 1]
    }

    private fun each(level: Int) = maxOf(1, sizes[level].size / 2)

    private fun count(level: Int) = tall[level] * wide[level] * each(level)
}
