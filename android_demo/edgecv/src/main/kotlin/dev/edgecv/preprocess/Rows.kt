package dev.edgecv.preprocess

import dev.edgecv.Frame

/** The last few rows that were made, by their position; a window of consecutive rows that moves down never makes one twice. */
internal class ByteRows(capacity: Int, size: Int) {
    private val rows = Array(capacity) { ByteArray(size) }
    private val held = IntArray(capacity) { NOTHING }

    fun forget() = held.fill(NOTHING)

    /** Row `y`, made by `make` where it is not at hand. */
    inline fun get(y: Int, make: (ByteArray) -> Unit): ByteArray {
        val slot = y % rows.size
        if (held[slot] != y) {
            make(rows[slot])
            held[slot] = y
        }
        return rows[slot]
    }
}

/** As [ByteRows], of float32. */
internal class FloatRows(capacity: Int, size: Int) {
    private val rows = Array(capacity) { FloatArray(size) }
    private val held = IntArray(capacity) { NOTHING }

    fun forget() = held.fill(NOTHING)

    /** Row `y`, made by `make` where it is not at hand. */
    inline fun get(y: Int, make: (FloatArray) -> Unit): FloatArray {
        val slot = y % rows.size
        if (held[slot] != y) {
            make(rows[slot])
            held[slot] = y
        }
        return rows[slot]
    }
}

private const val NOTHING = -1

/** Where finished rows of pixels go, pixel by pixel, of the columns that are shown. */
internal interface Sink {
    fun bytes(y: Int, row: ByteArray)

    /** `row` is used up. */
    fun floats(y: Int, row: FloatArray)
}

/** A resize of frames of one form; it holds its own scratch. */
internal interface Plan {
    fun run(frame: Frame, sink: Sink)
}

/** Pixels as they are: nothing is scaled, or the nearest neighbour is taken. */
internal class Pick(private val sampler: Sampler, private val rows: IntArray) : Plan {
    private val row = ByteArray(sampler.size)

    override fun run(frame: Frame, sink: Sink) {
        for (y in rows.indices) {
            if (y == 0 || rows[y] != rows[y - 1]) sampler.read(frame, rows[y], row)
            sink.bytes(y, row)
        }
    }
}
