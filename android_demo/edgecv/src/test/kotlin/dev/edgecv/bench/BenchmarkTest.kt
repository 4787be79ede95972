package dev.edgecv.bench

import dev.edgecv.BenchException
import dev.edgecv.Bundle
import dev.edgecv.BundleException
import dev.edgecv.Bundles
import dev.edgecv.EngineException
import dev.edgecv.OnnxEngine
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.concurrent.CancellationException
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

private const val SHORT = """{"rounds": 4, "seconds": 0.04, "warm_up_seconds": 0.05, "sustained_seconds": 0.05, "threads": [1]}"""

/** The benchmark's core; that Python takes its result is checked by `python -m tests.android.results`. */
class BenchmarkTest {
    @TempDir
    lateinit var scratch: File

    private val machine = Device.facts(model = "the Java virtual machine", versions = mapOf("edgecv" to "0.1.0"))

    @Test
    fun `a bundle is measured, and result and answers are written for Python to read`() {
        val place = File(Bundles.folder, "results").apply { mkdirs() }
        for (name in listOf("digits", "digits_int8")) {
            Bundles.open("$name.edgecv").use { bundle ->
                val told = ArrayList<Progress>()
                val answers = File(place, "$name.answers").apply { deleteRecursively() }
                val result = benchmark(bundle).run(Options.parse(SHORT), File(Bundles.folder, "$name.samples"), answers, told::add)
                File(place, "$name.json").writeText(result.toJson())
                check(bundle, result, told, answers)
            }
        }
    }

    private fun check(bundle: Bundle, result: Result, told: List<Progress>, answers: File) {
        val wanted = bundle.manifest.artifacts.filter { it.target == dev.edgecv.Format.ONNX }
        assertEquals(wanted.map { it.file to it.sha256 }, result.rows.map { it.artifact to it.sha256 })
        assertEquals(bundle.identity, result.identity)
        assertEquals("pictures", result.settings.input)
        assertEquals(1, result.rows.count { it.sustained.isNotEmpty() })
        for ((number, row) in result.rows.withIndex()) {
            assertEquals(null, row.notRun)
            assertEquals(4, row.turnP50Us.size)
            assertTrue(row.total!!.count >= 4 && row.total.p50Us >= row.inference!!.minUs)
            assertNotNull(row.drift)
            for (set in listOf("golden", "evaluation")) {
                val made = Npy.read(File(answers, "$number/$set/0.npy"))
                assertEquals(listOf(bundle.manifest.golden.count, 10), made.shape)
            }
        }
        assertTrue(told.map { it.doing.substringBefore(':') }.containsAll(listOf("load", "warm up", "measure", "sustain", "answer")))
        assertTrue(told.all { it.done <= it.total })
    }

    @Test
    fun `without a decoder the golden tensors are measured`() {
        Bundles.open("digits.edgecv").use { bundle ->
            val options = Options.parse(SHORT).copy(precisions = listOf("int8"), sustainedSeconds = 0.0)
            val result = Benchmark(bundle, listOf(OnnxEngine), machine).run(options)
            assertEquals("tensors", result.settings.input)
            assertEquals(listOf("int8"), result.rows.map { it.precision })
        }
    }

    @Test
    fun `a row that cannot run says why, and the others go on`() {
        val folder = File(scratch, "digits.edgecv")
        Bundles.path("digits.edgecv").copyRecursively(folder)
        File(folder, "onnx/model.int8.onnx").appendText("x")
        Bundle.open(folder).use { bundle ->
            val rows = benchmark(bundle).run(Options.parse(SHORT).copy(sustainedSeconds = 0.0)).rows.associateBy { it.precision }
            assertTrue(rows.getValue("int8").notRun!!.startsWith("onnx/model.int8.onnx has "), rows.getValue("int8").notRun)
            assertEquals(null, rows.getValue("int8").total)
            assertNotNull(rows.getValue("float32").total)
        }
    }

    @Test
    fun `what is not there is refused`() {
        Bundles.open("digits.edgecv").use { bundle ->
            val options = Options.parse(SHORT)
            assertFailsWith<BundleException> { benchmark(bundle).run(options.copy(precisions = listOf("int4"))) }
            val backend = assertFailsWith<EngineException> { benchmark(bundle).run(options.copy(backends = listOf("litert-gpu"))) }
            assertEquals("This app has onnx", backend.hint)
            val samples = assertFailsWith<BenchException> { benchmark(bundle).run(options, scratch, File(scratch, "out")) }
            assertTrue(samples.message.startsWith("0.npy cannot be read"), samples.message)
        }
    }

    @Test
    fun `a benchmark that is cancelled ends`() {
        Bundles.open("digits.edgecv").use { bundle ->
            val benchmark = benchmark(bundle)
            assertFailsWith<CancellationException> {
                benchmark.run(Options()) { if (it.doing.startsWith("warm up")) benchmark.cancel() }
            }
        }
    }

    @Test
    fun `options are read strictly`() {
        assertEquals(Options(), Options.parse("{}"))
        for (text in listOf("{\"rounds\": 1}", "{\"threads\": [0]}", "{\"seconds\": 0}", "{\"speed\": 1}", "{\"peaks\": 1}", "x")) {
            assertFailsWith<BenchException>(text) { Options.parse(text) }
        }
    }

    @Test
    fun `figures are NumPy's`() {
        val found = latency(doubleArrayOf(4.0, 1.0, 3.0, 2.0))
        assertEquals(listOf(1.0, 2.5, 2.5, 3.7, 3.97), listOf(found.minUs, found.meanUs, found.p50Us, found.p90Us, found.p99Us))
        assertEquals(400, latency(DoubleArray(1001) { it.toDouble() }).samplesUs.size)
        assertEquals(0.5, drift(listOf(1.0, 1.0, 1.5, 1.5)))
        assertTrue(settled(listOf(9.0, 1.0, 1.0, 1.0, 1.01, 1.0, 1.0)) && !settled(listOf(1.0, 1.0, 1.0, 2.0, 2.0, 2.0)))
    }

    @Test
    fun `npy files go there and back`() {
        val file = File(scratch, "a/0.npy")
        Npy.write(file, listOf(2, 3), listOf(floatArrayOf(1f, 2f, 3f), floatArrayOf(4f, -0f, 6f)))
        val read = Npy.read(file)
        assertEquals(listOf(2, 3), read.shape)
        assertContentEquals(floatArrayOf(4f, -0f, 6f), read.row(1))
        assertEquals(0L, (file.length() - 24) % 64)
        file.writeBytes(file.readBytes().copyOf(140))
        assertTrue("shorter than its shape" in assertFailsWith<BenchException> { Npy.read(file) }.message)
    }

    private fun benchmark(bundle: Bundle) = Benchmark(bundle, listOf(OnnxEngine), machine, Bundles.decoder)
}
