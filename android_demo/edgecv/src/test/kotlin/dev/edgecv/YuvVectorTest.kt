package dev.edgecv

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.nio.ByteBuffer
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

@Serializable
internal data class YuvPlane(
    val file: String,
    val sha256: String,
    val offset: Int,
    @SerialName("row_stride") val rowStride: Int,
    @SerialName("pixel_stride") val pixelStride: Int,
) {
    fun bytes(): ByteBuffer = ByteBuffer.wrap(GoldenVectors.read(file, sha256)).apply { position(offset) }
}

@Serializable
internal data class YuvVector(
    val name: String,
    val spec: Preprocess,
    val io: TensorIO,
    val width: Int,
    val height: Int,
    val rotation: Int,
    val y: YuvPlane,
    val u: YuvPlane,
    val v: YuvPlane,
    val expected: GoldenTensor,
)

@Serializable
internal data class YuvIndex(@SerialName("format_version") val formatVersion: Int, val cases: List<YuvVector>)

/** Every golden vector of camera frames, in every bit. */
class YuvVectorTest {
    private val index =
        StrictJson.decode(File(REPOSITORY, "tests/golden/yuv.json").readText(), YuvIndex.serializer(), "yuv.json")

    @Test
    fun `all vectors are there`() {
        assertEquals(1, index.formatVersion)
        assertTrue(index.cases.size >= 40, "${index.cases.size} vectors")
        assertEquals(setOf(0, 90, 180, 270), index.cases.map { it.rotation }.toSet())
    }

    @TestFactory
    fun `every frame gives its bits`(): List<DynamicTest> = index.cases.map { case ->
        DynamicTest.dynamicTest(case.name) {
            val preprocessor = Preprocessor(case.spec, case.io)
            val tensor = preprocessor.tensor()
            preprocessor.process(frame(case), tensor)
            assertContentEquals(GoldenVectors.read(case.expected.file, case.expected.sha256), tensor.toBytes())
        }
    }

    @Test
    fun `a camera's rotation counts where EXIF is ignored`() {
        val case = index.cases.first { it.rotation == 90 && it.spec.size == listOf(30, 22) }
        val preprocessor = Preprocessor(case.spec.copy(orientation = OrientationRule.IGNORE), case.io)
        val tensor = preprocessor.tensor()
        preprocessor.process(frame(case), tensor)
        assertContentEquals(GoldenVectors.read(case.expected.file, case.expected.sha256), tensor.toBytes())
    }

    @Test
    fun `planes that are too short and impossible rotations are refused`() {
        val plane = ByteBuffer.allocate(16)
        val short = assertFailsWith<InputException> { YuvFrame().set(plane, plane, plane, 4, 5, 4, 2, 1) }
        assertEquals("the plane y has 16 bytes, its strides need 20", short.message)
        val turned = assertFailsWith<InputException> { YuvFrame().set(plane, plane, plane, 4, 4, 4, 2, 1, rotation = 45) }
        assertEquals("a rotation must be 0, 90, 180 or 270 degrees, got 45", turned.message)
        val stride = assertFailsWith<InputException> { YuvFrame().set(plane, plane, plane, 4, 4, 0, 2, 1) }
        assertEquals("strides must be at least 1, got 0 and 1", stride.message)
        assertEquals(0, plane.position())
    }

    private fun frame(case: YuvVector): YuvFrame = YuvFrame().set(
        case.y.bytes(),
        case.u.bytes(),
        case.v.bytes(),
        case.width,
        case.height,
        case.y.rowStride,
        case.u.rowStride,
        case.u.pixelStride,
        rotation = case.rotation,
    )
}
