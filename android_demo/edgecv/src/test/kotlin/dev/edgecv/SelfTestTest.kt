package dev.edgecv

import dev.edgecv.heads.Head
import dev.edgecv.heads.HeadForm
import dev.edgecv.heads.HeadKind
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.security.MessageDigest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

private const val FLOATS = 0.1 // of a ratio of 130 dB: two builds of ONNX Runtime may round otherwise

/** The self-test passes on this machine, and fails where something differs. */
class SelfTestTest {
    @TempDir
    lateinit var scratch: File

    @TestFactory
    fun `every bundle passes`(): List<DynamicTest> = Bundles.answers().map { python ->
        DynamicTest.dynamicTest("${python.bundle} ${python.artifact}") {
            val verdict = verdict(python.bundle, python.artifact, Bundles.decoder)
            assertTrue(verdict.passed, "$verdict")
            assertEquals(python.cases.size, verdict.comparison.count)
            assertEquals(if (python.bundle == "two_by_two.edgecv") 0 else python.cases.size, verdict.pictures)
            assertEquals(verdict.pictures, verdict.picturesEqual)
            assertEquals(python.cases.size, verdict.answersEqual)
        }
    }

    @TestFactory
    fun `every bundle is judged as in Python, by head and by part`(): List<DynamicTest> =
        Bundles.answers().map { python ->
            DynamicTest.dynamicTest("${python.bundle} ${python.artifact}") {
                val verdict = verdict(python.bundle, python.artifact, decoder = null)
                val tolerance = if (".int8." in python.artifact) SUMS else FLOATS
                assertSame(python.proof, verdict.comparison, verdict.gates, verdict.reasons, tolerance)
            }
        }

    @Test
    fun `a decoder that gives other pixels is found`() {
        val verdict = verdict("digits.edgecv", "onnx/model.int8.onnx") { encoded ->
            val frame = Bundles.decoder.decode(encoded) as RgbFrame
            frame.bytes[0] = (frame.bytes[0] + 1).toByte()
            frame
        }
        assertFalse(verdict.passed)
        assertEquals(0, verdict.picturesEqual)
        assertEquals(listOf("${verdict.pictures} of ${verdict.pictures} golden pictures give another tensor here"), verdict.reasons)
    }

    @Test
    fun `without a decoder the tensors alone are judged`() {
        val verdict = verdict("digits.edgecv", "onnx/model.float32.onnx", decoder = null)
        assertTrue(verdict.passed)
        assertEquals(0, verdict.pictures)
        assertEquals(listOf("snr_db", "agreement", "fall_db"), verdict.gates.map { it.name })
    }

    @Test
    fun `golden cases that prove nothing are refused`() {
        assertEquals("the bundle colours has no golden cases", refused { it.copy(cases = emptyList()) })
        val long = refused { golden -> golden.copy(cases = golden.cases.map { it.copy(outputs = mapOf("colour" to it.inputs.getValue("image"))) }) }
        assertEquals("the golden case red has 48 numbers of the output 'colour', not 3", long)
        val none = refused { golden -> golden.copy(cases = golden.cases.map { it.copy(outputs = emptyMap()) }) }
        assertEquals("the golden case red has no output 'colour'", none)
        val mute = refused { golden -> golden.copy(cases = golden.cases.map { it.copy(answers = emptyMap()) }) }
        assertEquals("the golden case red has no answer of the head 'colour'", mute)
    }

    @Test
    fun `an answer that is decoded to another one is found`() {
        val other = changed { golden -> golden.copy(cases = golden.cases.map { it.copy(answers = it.answers.mapValues { (_, one) -> one.copy(decisions = listOf(1)) }) }) }
        val verdict = tested(other)
        assertFalse(verdict.passed)
        assertEquals(0, verdict.answersEqual)
        assertEquals(listOf("2 of 2 golden cases have other answers here"), verdict.reasons)
        val scores = changed { golden ->
            val last = golden.cases.last().answers.getValue("colour").scores
            golden.copy(cases = golden.cases.map { it.copy(answers = mapOf("colour" to it.answers.getValue("colour").copy(scores = last))) })
        }
        assertEquals(1, tested(scores).answersEqual)
    }

    @Test
    fun `places that are recorded otherwise are found, each kind of them, and answers without boxes are read`() {
        Bundles.open("places.edgecv").use { bundle ->
            val names = bundle.manifest.heads.map { it.name }
            for (name in names) {
                val other = changed("places.edgecv") { golden ->
                    val last = golden.cases.last().answers.getValue(name)
                    golden.copy(cases = golden.cases.map { it.copy(answers = it.answers + (name to last)) })
                }
                assertEquals(1, tested(other).answersEqual, name)
            }
            val none = changed("places.edgecv") { golden ->
                val (head, empty) = names[0] to GoldenTensor("none.bin", hex(MessageDigest.getInstance("SHA-256").digest()), listOf(1, 0, 5), "float32")
                golden.copy(cases = golden.cases.map { it.copy(answers = it.answers + (head to GoldenAnswer(emptyList(), empty))) })
            }
            File(none, "golden/none.bin").writeBytes(ByteArray(0))
            assertEquals(0, tested(none).answersEqual)
        }
    }

    /** What the self-test says of a bundle whose golden cases were changed, digests and all. */
    private fun refused(change: (Golden) -> Golden): String {
        val folder = changed(change = change)
        return assertFailsWith<BundleException> { tested(folder) }.message
    }

    private fun tested(folder: File): Verdict =
        Bundle.open(folder).use { bundle -> Predictor.open(bundle, listOf(OnnxEngine)).use { SelfTest.run(it) } }

    private fun changed(name: String = "colours.edgecv", change: (Golden) -> Golden): File {
        val folder = Bundles.copy(name, scratch)
        val golden = change(Bundle.open(folder).use { it.golden() })
        val text = Json.encodeToString(Golden.serializer(), golden)
        File(folder, "golden/golden.json").writeText(text)
        val digest = hex(MessageDigest.getInstance("SHA-256").digest(text.toByteArray()))
        val manifest = Bundle.open(folder).use { it.manifest }
        val changed = manifest.copy(golden = manifest.golden.copy(sha256 = digest, count = golden.cases.size))
        File(folder, "bundle.json").writeText(Json.encodeToString(Manifest.serializer(), changed))
        return folder
    }

    @Test
    fun `answers that are off fail the gates`() {
        val sum = ComparisonSum(listOf(head(HeadKind.CLASSIFICATION)), outputs(2))
        sum.add("a", listOf(floatArrayOf(1f, 0f)), listOf(floatArrayOf(0f, 1f)))
        sum.add("b", listOf(floatArrayOf(1f, 0f)), listOf(floatArrayOf(0.4f, 0.6f)))
        val gates = Gates.of("int8", trained = false, sum.result(), emptyList())
        assertEquals(listOf("snr_db" to false, "agreement" to false), gates.map { it.name to it.passed })
        assertEquals(listOf("a", "b"), sum.result().flips)
    }

    @Test
    fun `an output that is not finite passes nothing`() {
        val sum = ComparisonSum(listOf(head(HeadKind.CLASSIFICATION)), outputs(2))
        sum.add("a", listOf(floatArrayOf(1f, 0f)), listOf(floatArrayOf(1f, Float.NaN)))
        assertEquals(1, sum.result().nonFinite)
        assertTrue(Gates.of("float32", trained = false, sum.result(), emptyList()).none { it.passed })
    }

    @Test
    fun `of two heads both must agree, and one that decides nothing is not asked`() {
        val sum = ComparisonSum(listOf(head(HeadKind.REGRESSION), head(HeadKind.BINARY, place = 1)), outputs(1, 1))
        sum.add("same", listOf(floatArrayOf(31f), floatArrayOf(0.9f)), listOf(floatArrayOf(30f), floatArrayOf(0.8f)))
        sum.add("other", listOf(floatArrayOf(31f), floatArrayOf(0.9f)), listOf(floatArrayOf(31f), floatArrayOf(0.4f)))
        assertEquals(0.5, sum.result().agreement)
        assertEquals(listOf("other"), sum.result().flips)
        val values = ComparisonSum(listOf(head(HeadKind.REGRESSION)), outputs(1))
        values.add("a", listOf(floatArrayOf(31f)), listOf(floatArrayOf(30f)))
        assertEquals(null, values.result().agreement)
    }

    private fun outputs(vararg widths: Int): List<TensorSpec> =
        widths.mapIndexed { place, width -> TensorSpec("abc".substring(place, place + 1), listOf(1, width), "float32") }

    private fun head(kind: HeadKind, place: Int = 0): Head {
        val thresholds = if (kind.type.decidesByThreshold) listOf(0.5) else emptyList()
        val name = "abc".substring(place, place + 1)
        val width = if (kind == HeadKind.CLASSIFICATION) 2 else 1
        val form = HeadForm(HeadSpec(name, kind, listOf(name), thresholds = thresholds), listOf(listOf(1, width)), listOf("float32"), null)
        return Head.open(form, listOf("a", "b", "c"))
    }

    private fun verdict(name: String, file: String, decoder: PictureDecoder?): Verdict = Bundles.open(name).use { bundle ->
        val artifact = bundle.manifest.artifacts.single { it.file == file }
        Predictor.open(bundle, artifact, OnnxEngine).use { SelfTest.run(it, decoder) }
    }
}
