package dev.edgecv

import dev.edgecv.preprocess.RealInput
import dev.edgecv.preprocess.RealOutput
import dev.edgecv.preprocess.floatOfHalf
import dev.edgecv.preprocess.halfOf
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Types and layouts that the bundles here do not have. */
class NumbersTest {
    @Test
    fun `every half goes to float32 and back`() {
        for (bits in 0..0xffff) {
            val value = floatOfHalf(bits.toShort())
            if (value.isNaN()) continue
            assertEquals(bits.toShort(), halfOf(value), "$value")
        }
    }

    @Test
    fun `halves are rounded to the nearest, ties to even`() {
        val rounded = mapOf(
            1.00048828125f to 0x3c00, // half way between 1 and the next
            1.00146484375f to 0x3c02,
            65519.996f to 0x7bff,
            65520f to 0x7c00,
            2.9802322e-8f to 0x0000, // half of the smallest
            2.9802326e-8f to 0x0001,
            -2f to 0xc000,
        )
        for ((value, bits) in rounded) assertEquals(bits.toShort(), halfOf(value), "$value")
        assertTrue(floatOfHalf(halfOf(Float.NaN)).isNaN())
    }

    @Test
    fun `channels first go in and come out`() {
        val io = TensorIO("x", "x", listOf(1, 2, 1, 3), "int8", Layout.NCHW, QuantParams(0.5, -1))
        val tensor = Tensor(DType.INT8, io.shape)
        val values = floatArrayOf(0f, 10f, 1f, 11f, 2f, 12f) // pixel by pixel
        RealInput(io).write(values, tensor)
        assertContentEquals(byteArrayOf(-1, 1, 3, 19, 21, 23), tensor.toBytes())
        assertContentEquals(values, FloatArray(6).also { RealOutput(io).read(tensor, it) })
    }

    @Test
    fun `outputs of other types are read as real numbers`() {
        val types = listOf(
            Triple("uint8", { t: Tensor -> t.buffer.put(0, -1) }, 255f),
            Triple("int16", { t: Tensor -> t.buffer.putShort(0, -300) }, -300f),
            Triple("uint16", { t: Tensor -> t.buffer.putShort(0, -1) }, 65535f),
            Triple("int32", { t: Tensor -> t.buffer.putInt(0, -70_000) }, -70_000f),
            Triple("int64", { t: Tensor -> t.buffer.putLong(0, 1L shl 40) }, 1.0995116e12f),
            Triple("float64", { t: Tensor -> t.buffer.putDouble(0, 0.1) }, 0.1f),
            Triple("float16", { t: Tensor -> t.buffer.putShort(0, 0x3c00) }, 1f),
            Triple("bool", { t: Tensor -> t.buffer.put(0, 1) }, 1f),
        )
        for ((name, fill, wanted) in types) {
            val io = TensorIO("x", "x", listOf(1, 1), name)
            val tensor = Tensor(DType.of(name)!!, io.shape)
            fill(tensor)
            assertEquals(wanted, FloatArray(1).also { RealOutput(io).read(tensor, it) }[0], name)
        }
    }
}
