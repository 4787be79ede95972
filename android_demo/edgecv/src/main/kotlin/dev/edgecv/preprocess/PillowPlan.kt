package dev.edgecv.preprocess

import dev.edgecv.Frame
import dev.edgecv.Kernel

/**
 * Pillow's resampling in its own integers. Rows are made as they are needed, so only a window of them is in memory.
 *
 * The horizontal pass comes first, but the vertical one where the height shrinks by more than twice as many pixels as the width:
 * `ImagingResampleInner` in Pillow 13.0.0, src/libImaging/Resample.c.
 */
internal class PillowPlan(source: (IntArray) -> Sampler, kernel: Kernel, placement: Placement, private val channels: Int) : Plan {
    private val down = placement.down
    private val verticalFirst: Boolean
    private val vertical: FixedTaps?
    private val horizontal: FixedTaps?
    private val left: Int
    private val sampler: Sampler
    private val raw: ByteArray
    private val rows: ByteRows
    private val sums: IntArray
    private val middle: ByteArray
    private val done: ByteArray

    init {
        val across = placement.across
        val shrinks = down.taken - down.scaled
        verticalFirst = shrinks > maxOf(0, 2 * (across.taken - across.scaled))
        vertical = if (down.taken == down.scaled) null else pillowTaps(kernel, down)
        horizontal = if (across.taken == across.scaled) null else pillowTaps(kernel, across)
        left = horizontal?.first?.min() ?: across.skipped
        val right = horizontal?.let { taps -> taps.first.indices.maxOf { taps.first[it] + taps.count[it] } } ?: (left + across.shown)
        sampler = source(positions(across.first + left, right - left))
        raw = ByteArray(sampler.size)
        done = ByteArray(across.shown * channels)
        val wide = if (verticalFirst) sampler.size else done.size
        rows = ByteRows(vertical?.most ?: 1, wide)
        sums = IntArray(wide)
        middle = ByteArray(wide)
    }

    override fun run(frame: Frame, sink: Sink) {
        rows.forget()
        for (y in 0 until down.shown) sink.bytes(y, row(frame, y))
    }

    private fun row(frame: Frame, y: Int): ByteArray {
        val mixed = if (vertical == null) input(frame, down.skipped + y) else mix(frame, vertical, y)
        return if (verticalFirst) across(mixed) else mixed
    }

    /** The sum over a window of rows. */
    private fun mix(frame: Frame, taps: FixedTaps, y: Int): ByteArray {
        sums.fill(HALF)
        for (k in 0 until taps.count[y]) {
            val row = input(frame, taps.first[y] + k)
            val weight = taps.weight[y * taps.most + k]
            for (i in sums.indices) sums[i] += (row[i].toInt() and 255) * weight
        }
        for (i in sums.indices) middle[i] = clip(sums[i])
        return middle
    }

    /** A row on its way into the vertical pass; `y` counts within the part that is scaled. */
    private fun input(frame: Frame, y: Int): ByteArray = rows.get(y) { into ->
        if (verticalFirst || horizontal == null) {
            sampler.read(frame, down.first + y, into)
        } else {
            sampler.read(frame, down.first + y, raw)
            resample(horizontal, raw, into)
        }
    }

    private fun across(row: ByteArray): ByteArray {
        if (horizontal == null) return row
        resample(horizontal, row, done)
        return done
    }

    private fun resample(taps: FixedTaps, row: ByteArray, into: ByteArray) {
        if (channels == 1) resampleOne(taps, row, into) else resampleThree(taps, row, into)
    }

    private fun resampleOne(taps: FixedTaps, row: ByteArray, into: ByteArray) {
        for (x in taps.first.indices) {
            var sum = HALF
            val start = taps.first[x] - left
            for (k in 0 until taps.count[x]) sum += (row[start + k].toInt() and 255) * taps.weight[x * taps.most + k]
            into[x] = clip(sum)
        }
    }

    private fun resampleThree(taps: FixedTaps, row: ByteArray, into: ByteArray) {
        for (x in taps.first.indices) {
            var first = HALF
            var second = HALF
            var third = HALF
            var at = 3 * (taps.first[x] - left)
            val weights = x * taps.most
            for (k in weights until weights + taps.count[x]) {
                val weight = taps.weight[k]
                first += (row[at].toInt() and 255) * weight
                second += (row[at + 1].toInt() and 255) * weight
                third += (row[at + 2].toInt() and 255) * weight
                at += 3
            }
            into[3 * x] = clip(first)
            into[3 * x + 1] = clip(second)
            into[3 * x + 2] = clip(third)
        }
    }

    private fun clip(sum: Int): Byte = maxOf(0, minOf(255, sum shr PRECISION_BITS)).toByte()

    private companion object {
        const val HALF = 1 shl (PRECISION_BITS - 1)
    }
}
