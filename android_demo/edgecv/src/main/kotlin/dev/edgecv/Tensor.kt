package dev.edgecv

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.ShortBuffer

/** A type of number, by NumPy's name. */
public enum class DType(public val size: Int) {
    BOOL(1), INT8(1), UINT8(1), INT16(2), UINT16(2), INT32(4), INT64(8), FLOAT16(2), FLOAT32(4), FLOAT64(8);

    /** The name as in `bundle.json`. */
    public val title: String = name.lowercase()

    internal val isInteger: Boolean get() = this == INT8 || this == UINT8 || this == INT16

    internal companion object {
        fun of(name: String): DType? = values().firstOrNull { it.title == name }
    }
}

/**
 * Memory for one input or output of an engine: a direct buffer in the machine's byte order, C order, batch included.
 *
 * The engine reads and writes it in place, so nothing is copied or allocated for a frame.
 */
public class Tensor(public val dtype: DType, public val shape: List<Int>) {
    /** The number of its elements. */
    public val count: Int = shape.fold(1) { product, side -> product * side }

    /** The memory; its position is without meaning. */
    public val buffer: ByteBuffer = ByteBuffer.allocateDirect(count * dtype.size).order(ByteOrder.nativeOrder())

    // views that are made once: making one allocates
    internal val floats: FloatBuffer = buffer.asFloatBuffer()
    internal val shorts: ShortBuffer = buffer.asShortBuffer()

    /** The bytes of all numbers, little-endian, as golden files have them. */
    public fun toBytes(): ByteArray {
        val copy = buffer.duplicate()
        copy.moveTo(0)
        val bytes = ByteArray(copy.remaining())
        copy.get(bytes)
        if (ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN) reverseEach(bytes, dtype.size)
        return bytes
    }

    private fun reverseEach(bytes: ByteArray, size: Int) {
        for (start in bytes.indices step size) bytes.reverse(start, start + size)
    }
}
