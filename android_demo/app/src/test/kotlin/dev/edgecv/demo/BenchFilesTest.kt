package dev.edgecv.demo

import dev.edgecv.BundleException
import dev.edgecv.bench.Device
import dev.edgecv.bench.Options
import dev.edgecv.bench.Progress
import org.junit.jupiter.api.io.TempDir
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull

private const val RUN = "0123456789abcdef"

class BenchFilesTest {
    @TempDir
    lateinit var folder: File

    private var now = 0L
    private val files by lazy { BenchFiles(folder, RUN) { now } }

    private fun names(): List<String> = folder.list().orEmpty().sorted()

    private fun text(name: String): String = File(folder, name).readText()

    @Test
    fun `progress is written at most once a second`() {
        files.progress(Progress(1, 40, "warm up"))
        assertEquals("""{"done":1,"total":40,"doing":"warm up"}""", text("$RUN.progress.json"))
        now = 999_999_999
        files.progress(Progress(2, 40, "warm up"))
        assertEquals("""{"done":1,"total":40,"doing":"warm up"}""", text("$RUN.progress.json"))
        now = 1_000_000_000
        files.progress(Progress(3, 40, "measure"))
        assertEquals("""{"done":3,"total":40,"doing":"measure"}""", text("$RUN.progress.json"))
        assertEquals(listOf("$RUN.progress.json"), names())
    }

    @Test
    fun `an error has its hint or null, and takes unfinished answers away`() {
        File(files.answers, "0/golden").mkdirs()
        files.fail("the \"bundle\" is damaged", null)
        assertEquals("""{"message":"the \"bundle\" is damaged","hint":null}""", text("$RUN.error.json"))
        files.fail("x", "y")
        assertEquals("""{"message":"x","hint":"y"}""", text("$RUN.error.json"))
        assertEquals(listOf("$RUN.error.json"), names())
    }

    @Test
    fun `answers get their name before the result is there`() {
        File(files.answers, "0/golden").mkdirs()
        File(files.answers, "0/golden/0.npy").writeText("x")
        files.finish("{}")
        assertEquals(listOf("$RUN.answers", "$RUN.json"), names())
        assertEquals("x", text("$RUN.answers/0/golden/0.npy"))
    }

    @Test
    fun `a folder that is gone is an error`() {
        folder.deleteRecursively()
        assertFailsWith<java.io.IOException> { files.finish("{}") }
        folder.mkdirs()
    }

    private fun job(open: (String?) -> dev.edgecv.Bundle) = BenchJob(
        request = BenchRequest.Accepted(RUN, "/data/local/tmp/x", Options(), null, true),
        files = files,
        engines = engines(null),
        decoder = null,
        open = open,
        machine = { Device.facts() },
        finished = { it },
    )

    @Test
    fun `a bundle that cannot be opened is told on the screen and to the computer`() {
        val outcome = job { throw BundleException("x.edgecv has no bundle.json", "Push it again") }.run {}
        assertEquals(BenchOutcome.Failed("x.edgecv has no bundle.json", "Push it again"), outcome)
        assertEquals("""{"message":"x.edgecv has no bundle.json","hint":"Push it again"}""", text("$RUN.error.json"))
        assertFalse(File(folder, "$RUN.json").exists())
    }

    @Test
    fun `only results in the folder itself are lent`() {
        File(folder, "results").mkdirs()
        val result = File(folder, "results/a.json").apply { writeText("{}") }
        File(folder, "secret").writeText("x")
        val lent = File(folder, "results")
        assertEquals(result, sharedFile(lent, "a.json"))
        for (name in listOf("../secret", "b.json", "..", "", null)) assertNull(sharedFile(lent, name), "$name")
    }
}
