package dev.edgecv.demo

import com.sun.management.ThreadMXBean
import dev.edgecv.ArgbFrame
import dev.edgecv.Bundle
import dev.edgecv.OnnxEngine
import dev.edgecv.Predictor
import dev.edgecv.bench.Device
import dev.edgecv.bench.Options
import dev.edgecv.bench.Progress
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.lang.management.ManagementFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** What the screens are made of, on a bundle that Python made (`make test-android` makes it first) and ONNX Runtime's JVM build. */
class RealBundleTest {
    @TempDir
    lateinit var folder: File

    private val run = "0123456789abcdef"
    private val path = File("../../build/android/colours.edgecv")
    private val quick = Options(rounds = 2, seconds = 0.02, warmUpSeconds = 0.0, threads = listOf(1))

    private fun open(): Bundle {
        check(path.isDirectory) { "${path.absolutePath} is not there: make test-android" }
        return Bundle.open(path)
    }

    private fun picture(color: Int) = ArgbFrame().set(IntArray(8 * 8) { color }, 8, 8)

    private fun <T> withModel(action: (LoadedModel) -> T): T =
        open().let { LoadedModel(Predictor.open(it, it.artifact(), OnnxEngine), "") }.use(action)

    @Test
    fun `a picture is answered in lines`() = withModel { model ->
        val latest = LatestAnswer()
        assertNull(latest.get())
        model.answer(latest, picture(0xFF0A14D2.toInt()))
        val (classes, times) = checkNotNull(latest.get()).lines()
        assertEquals("blue", classes.substringBefore("  "))
        assertEquals(3, classes.lines().size)
        assertTrue(times.startsWith("preprocess "))
        assertTrue(model.takesPictures)
        assertTrue("onnx/model." in model.facts && "CPUExecutionProvider" in model.facts, model.facts)
        latest.clear()
        assertNull(latest.get())
    }

    @Test
    fun `keeping an answer allocates nothing`() = withModel { model ->
        val latest = LatestAnswer()
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        val answer = Predictor.open(model.bundle, model.bundle.artifact(), OnnxEngine).use { it.run(picture(-1)) }
        repeat(10_000) { latest.put(answer) }
        val least = (0 until 3).minOf { // the JVM allocates by itself now and then; an object an answer would be in every round
            val before = threads.currentThreadAllocatedBytes
            repeat(10_000) { latest.put(answer) }
            threads.currentThreadAllocatedBytes - before
        }
        assertEquals(0, least)
    }

    @Test
    fun `every artifact may be chosen with all that runs it`() = open().use { bundle ->
        val offered = choices(bundle, null)
        assertEquals(bundle.manifest.artifacts.size, offered.size) // ONNX files alone, and one engine for them
        assertEquals(offered.size, offered.map { it.key }.toSet().size)
        assertEquals("onnx float32 on onnx", offered.first { it.artifact.precision == "float32" }.title)
    }

    private fun job(options: Options = quick, answers: Boolean = true) = BenchJob(
        request = BenchRequest.Accepted(run, path.path, options, null, answers),
        files = BenchFiles(folder, run),
        engines = listOf(OnnxEngine),
        decoder = null,
        open = { open() },
        machine = { Device.facts(model = "a test") },
        finished = { it.copy(notes = it.notes + "finished") },
    )

    @Test
    fun `a benchmark leaves answers and result`() {
        val told = mutableListOf<Progress>()
        val done = assertIs<BenchOutcome.Done>(job().run(told::add))
        assertEquals(listOf("$run.answers", "$run.json", "$run.progress.json"), folder.list().orEmpty().sorted())
        assertEquals(done.json, File(folder, "$run.json").readText())
        assertEquals(open().use { it.identity }, done.result.identity)
        assertTrue("finished" in done.result.notes)
        assertTrue(told.isNotEmpty())
        for (row in done.result.rows.indices) assertTrue(File(folder, "$run.answers/$row/golden/0.npy").isFile)
        assertEquals(done.result.rows.size, Lines.result(done.result).lines().count { "model " in it })
    }

    @Test
    fun `answers that nobody wants are not written`() {
        job(answers = false).run {}
        assertEquals(listOf("$run.json", "$run.progress.json"), folder.list().orEmpty().sorted())
    }

    @Test
    fun `what the bundle does not have is an error for the computer`() {
        val failed = assertIs<BenchOutcome.Failed>(job(quick.copy(precisions = listOf("int16x8"))).run {})
        assertTrue(failed.message.isNotEmpty())
        assertEquals(listOf("$run.error.json"), folder.list().orEmpty().filterNot { "progress" in it })
    }

    @Test
    fun `a benchmark that was stopped says so`() {
        val job = job()
        val outcome = job.run { job.cancel() }
        assertEquals(BenchOutcome.Failed(Words.STOPPED, Words.STOPPED_HINT), outcome)
        assertEquals(listOf("$run.error.json"), folder.list().orEmpty().filterNot { "progress" in it })
    }
}
