package dev.edgecv.demo

import dev.edgecv.bench.Options
import java.io.File
import java.util.Base64
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue

class BenchRequestTest {
    private val options = """{"rounds": 5, "seconds": 1.0, "backends": ["litert-gpu"]}"""
    private val whole = mapOf(
        "edgecv.protocol" to 1,
        "edgecv.run" to "0123456789abcdef",
        "edgecv.bundle" to "/data/local/tmp/edgecv-bench/0123456789abcdef.edgecv",
        "edgecv.options" to Base64.getEncoder().encodeToString(options.toByteArray()),
        "edgecv.samples" to "/data/local/tmp/edgecv-bench/0123456789abcdef.samples",
        "edgecv.answers" to true,
    )

    private fun read(vararg extras: Pair<String, Any>): BenchRequest = BenchRequest.read(MapExtras(extras.toMap()))

    private fun changed(change: Pair<String, Any?>): BenchRequest.Refused {
        val extras = (whole + change).filterValues { it != null }.mapValues { checkNotNull(it.value) }
        return assertIs<BenchRequest.Refused>(BenchRequest.read(MapExtras(extras)))
    }

    @Test
    fun `what edgecv sends is taken as it is`() {
        val request = assertIs<BenchRequest.Accepted>(BenchRequest.read(MapExtras(whole)))
        assertEquals("0123456789abcdef", request.run)
        assertEquals("/data/local/tmp/edgecv-bench/0123456789abcdef.edgecv", request.bundle)
        assertEquals(Options(rounds = 5, seconds = 1.0, backends = listOf("litert-gpu")), request.options)
        assertEquals(File("/data/local/tmp/edgecv-bench/0123456789abcdef.samples"), request.samples)
        assertTrue(request.answers)
    }

    @Test
    fun `samples and answers may be left out`() {
        val request = assertIs<BenchRequest.Accepted>(
            BenchRequest.read(MapExtras(whole - "edgecv.samples" - "edgecv.answers")),
        )
        assertNull(request.samples)
        assertEquals(false, request.answers)
    }

    @Test
    fun `another protocol is refused in the run's own name`() {
        val refused = changed("edgecv.protocol" to 2)
        assertEquals("0123456789abcdef", refused.run)
        assertEquals("the demo app knows the protocol 1, it was started with 2", refused.message)
        assertEquals("0123456789abcdef", changed("edgecv.protocol" to null).run)
    }

    @Test
    fun `a run that could name other files has no files`() {
        for (run in listOf("../../shared_prefs/x", "0123456789ABCDEF", "0123456789abcde", "")) {
            assertNull(changed("edgecv.run" to run).run, run)
        }
    }

    @Test
    fun `only what adb may write is read`() {
        for (path in listOf("/data/data/dev.edgecv.demo", "/data/local/tmp/../../data", "bundle", "/sdcard/x.edgecv")) {
            assertEquals("'$path' does not lie in /data/local/tmp/", changed("edgecv.bundle" to path).message)
            assertEquals("'$path' does not lie in /data/local/tmp/", changed("edgecv.samples" to path).message)
        }
        assertEquals("edgecv.bundle is missing", changed("edgecv.bundle" to null).message)
    }

    @Test
    fun `options that are none are refused with the reason`() {
        assertTrue(changed("edgecv.options" to "!!").message.startsWith("edgecv.options is not base64"))
        val encoded = { text: String -> Base64.getEncoder().encodeToString(text.toByteArray()) }
        assertTrue("rounds must be at least 2" in changed("edgecv.options" to encoded("""{"rounds": 1}""")).message)
        assertTrue("turns" in changed("edgecv.options" to encoded("""{"turns": 1}""")).message)
    }

    @Test
    fun `a person names a bundle of the app, or one in the shared folder, or none`() {
        for (bundle in listOf("digits", "/data/local/tmp/digits.edgecv")) {
            assertEquals(BenchRequest.Accepted(null, bundle, Options(), null, false), read(EXTRA_BUNDLE to bundle))
        }
        assertEquals(BenchRequest.Accepted(null, null, Options(), null, false), read())
        assertIs<BenchRequest.Refused>(read(EXTRA_BUNDLE to "/data/data/x"))
        assertIs<BenchRequest.Refused>(read(EXTRA_BUNDLE to "../x"))
    }
}

class MapExtras(private val values: Map<String, Any>) : Extras {
    override fun has(name: String): Boolean = name in values

    override fun int(name: String): Int = values[name] as? Int ?: 0

    override fun string(name: String): String? = values[name] as? String

    override fun flag(name: String): Boolean = values[name] as? Boolean ?: false
}
