package dev.edgecv

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Every golden vector, in every bit. */
class GoldenVectorTest {
    private val index = GoldenVectors.index()

    @Test
    fun `all vectors are there`() {
        assertEquals(1, index.formatVersion)
        assertTrue(index.cases.size >= 210, "${index.cases.size} vectors")
        assertEquals(index.cases.size, index.cases.map { it.name }.toSet().size)
    }

    @TestFactory
    fun `every vector gives its bits`(): List<DynamicTest> = index.cases.map { case ->
        DynamicTest.dynamicTest(case.name) { assertContentEquals(expected(case), made(case)) }
    }

    @TestFactory
    fun `every picture gives its bits as ARGB`(): List<DynamicTest> =
        index.cases.filter { it.pixels != null && it.pixels.formula == null }.map { case ->
            DynamicTest.dynamicTest(case.name) {
                val preprocessor = Preprocessor(case.spec, case.io)
                val tensor = preprocessor.tensor()
                preprocessor.process(argb(case), tensor)
                assertContentEquals(expected(case), tensor.toBytes())
            }
        }

    private fun expected(case: Vector): ByteArray = GoldenVectors.read(case.expected.file, case.expected.sha256)

    private fun made(case: Vector): ByteArray {
        val preprocessor = Preprocessor(case.spec, case.io)
        val tensor = preprocessor.tensor()
        assertEquals(case.expected.shape, tensor.shape)
        assertEquals(case.expected.dtype, tensor.dtype.title)
        if (case.tensor != null) {
            preprocessor.process(floatsOf(GoldenVectors.read(case.tensor.file, case.tensor.sha256)), tensor)
        } else {
            val pixels = case.pixels!!
            val frame = RgbFrame().set(GoldenVectors.pixels(pixels), pixels.width, pixels.height, pixels.channels, case.orientation)
            preprocessor.process(frame, tensor)
        }
        return tensor.toBytes()
    }

    private fun argb(case: Vector): ArgbFrame {
        val pixels = case.pixels!!
        val bytes = GoldenVectors.pixels(pixels)
        val channel = { pixel: Int, c: Int -> bytes[pixel * pixels.channels + minOf(c, pixels.channels - 1)].toInt() and 255 }
        val argb = IntArray(pixels.width * pixels.height) {
            (0x7f shl 24) or (channel(it, 0) shl 16) or (channel(it, 1) shl 8) or channel(it, 2)
        }
        return ArgbFrame().set(argb, pixels.width, pixels.height, case.orientation)
    }
}
