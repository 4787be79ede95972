package dev.edgecv.preprocess

import dev.edgecv.Frame

/** The columns first, then the rows, each as low + (high - low) * share. */
internal class BilinearPlan(source: (IntArray) -> Sampler, placement: Placement, private val channels: Int) : Plan {
    private val down = Bilinear(placement.down)
    private val across = Bilinear(placement.across)
    private val sampler = source(across.low + across.high)
    private val raw = ByteArray(sampler.size)
    private val size = across.low.size * channels
    private val rows = FloatRows(2, size)
    private val out = FloatArray(size)

    override fun run(frame: Frame, sink: Sink) {
        rows.forget()
        for (y in down.low.indices) {
            val top = mixed(frame, down.low[y])
            val bottom = mixed(frame, down.high[y])
            val share = down.share[y]
            for (i in out.indices) out[i] = top[i] + (bottom[i] - top[i]) * share
            sink.floats(y, out)
        }
    }

    private fun mixed(frame: Frame, y: Int): FloatArray = rows.get(y) { into ->
        sampler.read(frame, y, raw)
        for (i in into.indices) {
            val low = (raw[i].toInt() and 255).toFloat()
            val high = (raw[size + i].toInt() and 255).toFloat()
            into[i] = low + (high - low) * across.share[i / channels]
        }
    }
}

/** Weighted sums over the rows, then over the columns of that. */
internal class RowsFirstPlan(
    source: (IntArray) -> Sampler,
    private val placement: Placement,
    private val down: FloatTaps,
    private val across: FloatTaps,
    private val channels: Int,
) : Plan {
    private val left = across.index.min()
    private val sampler = source(positions(placement.across.first + left, across.index.max() + 1 - left))
    private val rows = ByteRows(down.count, sampler.size)
    private val middle = FloatArray(sampler.size)
    private val out = FloatArray(placement.across.shown * channels)

    override fun run(frame: Frame, sink: Sink) {
        rows.forget()
        for (y in 0 until placement.down.shown) {
            sumRows(frame, y)
            sumColumns(across, channels, out) { column, channel -> middle[(column - left) * channels + channel] }
            sink.floats(y, out)
        }
    }

    private fun sumRows(frame: Frame, y: Int) {
        for (k in 0 until down.count) {
            val row = bytes(frame, down.index[y * down.count + k])
            val weight = down.weight[y * down.count + k]
            for (i in middle.indices) {
                val term = (row[i].toInt() and 255).toFloat() * weight
                middle[i] = if (k == 0) term else middle[i] + term
            }
        }
    }

    private fun bytes(frame: Frame, y: Int): ByteArray =
        rows.get(y) { into -> sampler.read(frame, placement.down.first + y, into) }
}

/** Weighted sums over the columns, then over the rows of that, then one share for all. */
internal class BoxPlan(source: (IntArray) -> Sampler, private val placement: Placement, private val channels: Int) : Plan {
    private val down = tfBox(placement.down)
    private val across = tfBox(placement.across)
    private val share = boxShare(placement.down, placement.across)
    private val left = across.index.min()
    private val sampler = source(positions(placement.across.first + left, across.index.max() + 1 - left))
    private val raw = ByteArray(sampler.size)
    private val size = placement.across.shown * channels
    private val rows = FloatRows(down.count, size)
    private val out = FloatArray(size)

    override fun run(frame: Frame, sink: Sink) {
        rows.forget()
        for (y in 0 until placement.down.shown) {
            for (k in 0 until down.count) {
                val row = summed(frame, down.index[y * down.count + k])
                val weight = down.weight[y * down.count + k]
                for (i in out.indices) out[i] = if (k == 0) row[i] * weight else out[i] + row[i] * weight
            }
            for (i in out.indices) out[i] *= share
            sink.floats(y, out)
        }
    }

    private fun summed(frame: Frame, y: Int): FloatArray = rows.get(y) { into ->
        sampler.read(frame, placement.down.first + y, raw)
        sumColumns(across, channels, into) { column, channel ->
            (raw[(column - left) * channels + channel].toInt() and 255).toFloat()
        }
    }
}

private inline fun sumColumns(taps: FloatTaps, channels: Int, into: FloatArray, value: (Int, Int) -> Float) {
    for (i in into.indices) {
        val channel = i % channels
        val first = i / channels * taps.count
        var sum = value(taps.index[first], channel) * taps.weight[first]
        for (k in first + 1 until first + taps.count) sum += value(taps.index[k], channel) * taps.weight[k]
        into[i] = sum
    }
}
