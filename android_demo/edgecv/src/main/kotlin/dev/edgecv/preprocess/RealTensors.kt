package dev.edgecv.preprocess

import dev.edgecv.DType
import dev.edgecv.InputException
import dev.edgecv.Layout
import dev.edgecv.SpecException
import dev.edgecv.Tensor
import dev.edgecv.TensorIO

private val WRITTEN = setOf(DType.FLOAT32, DType.FLOAT16, DType.INT8, DType.UINT8, DType.INT16)

/** What an artifact's input may be, and its type. */
internal fun inputType(io: TensorIO): DType {
    val dtype = DType.of(io.dtype)
    if (dtype !in WRITTEN || dtype == null) throw SpecException("the input '${io.name}' is ${io.dtype}, which this library does not fill")
    if (io.normalize != null) throw SpecException("the input '${io.name}' normalizes by itself, which is for Core ML")
    if (dtype.isInteger && io.quantization == null) {
        throw SpecException("the input '${io.name}' is ${io.dtype} without a scale and zero point")
    }
    return dtype
}

/** How many numbers one sample has. */
internal fun sampleCount(io: TensorIO): Int = io.shape.drop(1).fold(1) { product, side -> product * side }

/** Real numbers of one sample in the source's layout on their way into an artifact's input, in its type and layout. */
internal class RealInput(private val io: TensorIO) {
    private val count = sampleCount(io)
    private val order = Order(io)
    private val line = lineOf(inputType(io), io, count, FloatArray(0))

    /** @throws InputException the length is wrong, or a value is not finite. */
    fun write(values: FloatArray, into: Tensor) {
        if (values.size != count) throw InputException("the input '${io.name}' takes $count numbers, got ${values.size}")
        for (i in values.indices) {
            val value = values[i]
            if (value.isNaN() || value.isInfinite()) throw InputException("the tensor for '${io.name}' holds NaN or infinity")
            line.set(order.raw(i), value)
        }
        line.put(into, 0, 0, count)
    }
}

/** An artifact's output of one sample as float32 in the source's layout. */
internal class RealOutput(private val io: TensorIO) {
    val count: Int = sampleCount(io)
    private val order = Order(io)
    private val scale = io.quantization?.scale?.toFloat()
    private val zeroPoint = io.quantization?.zeroPoint ?: 0

    fun read(from: Tensor, into: FloatArray) {
        for (i in into.indices) {
            val at = order.raw(i)
            into[i] = if (scale == null) number(from, at) else (integer(from, at) - zeroPoint).toFloat() * scale
        }
    }

    private fun integer(from: Tensor, at: Int): Int = when (from.dtype) {
        DType.INT8 -> from.buffer.get(at).toInt()
        DType.UINT8, DType.BOOL -> from.buffer.get(at).toInt() and 255
        DType.INT16 -> from.shorts.get(at).toInt()
        DType.UINT16 -> from.shorts.get(at).toInt() and 0xffff
        DType.INT32 -> from.buffer.getInt(4 * at)
        DType.INT64 -> from.buffer.getLong(8 * at).toInt()
        DType.FLOAT16, DType.FLOAT32, DType.FLOAT64 -> number(from, at).toInt()
    }

    private fun number(from: Tensor, at: Int): Float = when (from.dtype) {
        DType.FLOAT32 -> from.floats.get(at)
        DType.FLOAT16 -> floatOfHalf(from.shorts.get(at))
        DType.FLOAT64 -> from.buffer.getDouble(8 * at).toFloat()
        DType.INT64 -> from.buffer.getLong(8 * at).toFloat()
        else -> integer(from, at).toFloat()
    }
}

/** Where a number of the source's layout (channels last) is in an artifact's own. */
private class Order(io: TensorIO) {
    private val channels = if (io.layout == Layout.NCHW) io.shape[1] else 1
    private val pixels = sampleCount(io) / channels

    fun raw(source: Int): Int = if (channels == 1) source else source % channels * pixels + source / channels
}
