package dev.edgecv.preprocess

import dev.edgecv.DType
import dev.edgecv.Layout
import dev.edgecv.Preprocess
import dev.edgecv.Tensor
import dev.edgecv.TensorIO
import dev.edgecv.moveTo

/** The last steps, from pixels to the tensor's own numbers: normalize, quantize, pad. Bytes go through a table of 256 entries a channel. */
internal class Finish(spec: Preprocess, io: TensorIO, dtype: DType) {
    private val channels = spec.color.channels
    private val tall = spec.size?.get(0) ?: 0
    private val wide = spec.size?.get(1) ?: 0
    private val planar = io.layout == Layout.NCHW
    private val scale = perChannel(spec.normalize.scale)
    private val offset = perChannel(spec.normalize.offset)
    private val line = lineOf(dtype, io, channels * wide, FloatArray(256 * channels) { (it and 255) * scale[it shr 8] + offset[it shr 8] })
    private val pad = (spec.fit.pad ?: listOf(0)).let { values ->
        ByteArray(channels * wide) { values[it % channels % values.size].toByte() }
    }

    /** Fill a whole tensor with what is around the picture. */
    fun padAll(into: Tensor) {
        for (y in 0 until tall) write(pad, into, y, 0, wide)
    }

    /** Into row `y`, from column `x` on, so many columns. */
    fun write(row: ByteArray, into: Tensor, y: Int, x: Int, columns: Int) {
        for (c in 0 until channels) {
            line.look(row, c, channels, if (planar) c * columns else c, if (planar) 1 else channels, columns, c shl 8)
        }
        flush(into, y, x, columns)
    }

    /** As above, from pixels that are float32; `row` is used up. */
    fun write(row: FloatArray, into: Tensor, y: Int, x: Int, columns: Int) {
        for (c in 0 until channels) {
            var at = c
            var to = if (planar) c * columns else c
            for (column in 0 until columns) {
                line.set(to, row[at] * scale[c] + offset[c])
                at += channels
                to += if (planar) 1 else channels
            }
        }
        flush(into, y, x, columns)
    }

    private fun flush(into: Tensor, y: Int, x: Int, columns: Int) {
        if (!planar) {
            line.put(into, (y * wide + x) * channels, 0, columns * channels)
            return
        }
        for (c in 0 until channels) line.put(into, (c * tall + y) * wide + x, c * columns, columns)
    }

    private fun perChannel(values: List<Double>) = FloatArray(channels) { values[it % values.size].toFloat() }
}

/** A row in the tensor's own type, and the table that bytes go through on their way. */
internal interface Line {
    /** Numbers `to`, `to + toStep` ... from the bytes `from`, `from + fromStep` ... through the table from `table` on. */
    fun look(row: ByteArray, from: Int, fromStep: Int, to: Int, toStep: Int, count: Int, table: Int)

    fun set(at: Int, value: Float)

    fun put(into: Tensor, at: Int, from: Int, count: Int)
}

/** @param table what each byte of each channel normalizes to. */
internal fun lineOf(dtype: DType, io: TensorIO, size: Int, table: FloatArray): Line = when (dtype.size) {
    4 -> FloatLine(size, table)
    2 -> ShortLine(size, table, storeOf(dtype, io))
    else -> ByteLine(size, table, storeOf(dtype, io))
}

/** From a real number to a tensor's bits, of the types that are no float32. */
internal fun storeOf(dtype: DType, io: TensorIO): Store {
    val params = io.quantization
    return if (dtype == DType.FLOAT16 || params == null) HalfStore else IntegerStore(Quantizer(dtype, params))
}

internal interface Store {
    fun bits(value: Float): Int
}

private object HalfStore : Store {
    override fun bits(value: Float): Int = halfOf(value).toInt()
}

private class IntegerStore(private val quantizer: Quantizer) : Store {
    override fun bits(value: Float): Int = quantizer.quantize(value)
}

private class FloatLine(size: Int, private val table: FloatArray) : Line {
    private val values = FloatArray(size)

    override fun look(row: ByteArray, from: Int, fromStep: Int, to: Int, toStep: Int, count: Int, table: Int) {
        for (i in 0 until count) values[to + i * toStep] = this.table[table + (row[from + i * fromStep].toInt() and 255)]
    }

    override fun set(at: Int, value: Float) {
        values[at] = value
    }

    override fun put(into: Tensor, at: Int, from: Int, count: Int) {
        into.floats.moveTo(at)
        into.floats.put(values, from, count)
    }
}

private class ShortLine(size: Int, table: FloatArray, private val store: Store) : Line {
    private val values = ShortArray(size)
    private val table = ShortArray(table.size) { store.bits(table[it]).toShort() }

    override fun look(row: ByteArray, from: Int, fromStep: Int, to: Int, toStep: Int, count: Int, table: Int) {
        for (i in 0 until count) values[to + i * toStep] = this.table[table + (row[from + i * fromStep].toInt() and 255)]
    }

    override fun set(at: Int, value: Float) {
        values[at] = store.bits(value).toShort()
    }

    override fun put(into: Tensor, at: Int, from: Int, count: Int) {
        into.shorts.moveTo(at)
        into.shorts.put(values, from, count)
    }
}

private class ByteLine(size: Int, table: FloatArray, private val store: Store) : Line {
    private val values = ByteArray(size)
    private val table = ByteArray(table.size) { store.bits(table[it]).toByte() }

    override fun look(row: ByteArray, from: Int, fromStep: Int, to: Int, toStep: Int, count: Int, table: Int) {
        for (i in 0 until count) values[to + i * toStep] = this.table[table + (row[from + i * fromStep].toInt() and 255)]
    }

    override fun set(at: Int, value: Float) {
        values[at] = store.bits(value).toByte()
    }

    override fun put(into: Tensor, at: Int, from: Int, count: Int) {
        into.buffer.moveTo(at)
        into.buffer.put(values, from, count)
    }
}
