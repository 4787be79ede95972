package dev.edgecv

import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Bundles in one file. */
class SourcesTest {
    @TempDir
    lateinit var scratch: File

    @Test
    fun `a zip answers as its folder, whether the files are at the top or in a folder`() {
        val folder = Bundles.path("digits.edgecv")
        for (top in listOf("", "digits.edgecv/")) {
            val files = folder.walk().filter { it.isFile }
            val zip = zipped(files.associate { top + it.relativeTo(folder).invariantSeparatorsPath to it.readBytes() })
            Bundle.open(zip).use { packed ->
                Bundle.open(folder).use { plain ->
                    assertEquals(plain.manifest, packed.manifest)
                    assertContentEquals(scores(plain), scores(packed))
                }
            }
        }
    }

    @Test
    fun `what is no zip, or one that would harm, is refused`() {
        val text = File(scratch, "text.edgecv.zip").apply { writeText("no zip") }
        assertTrue("is not a readable .zip" in assertFailsWith<BundleException> { Bundle.open(text) }.message)
        val leaving = zipped(mapOf("../outside" to ByteArray(1), "bundle.json" to ByteArray(1)))
        assertTrue("which leaves it" in assertFailsWith<BundleException> { Bundle.open(leaving) }.message)
        val bomb = zipped(mapOf("bundle.json" to ByteArray(30_000_000)))
        assertTrue("is larger than 16 MiB" in assertFailsWith<BundleException> { Bundle.open(bomb) }.message)
        val empty = zipped(mapOf("readme" to ByteArray(1)))
        assertEquals("made.edgecv.zip has no bundle.json", assertFailsWith<BundleException> { Bundle.open(empty) }.message)
    }

    private fun scores(bundle: Bundle): FloatArray = Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
        predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(bundle.golden().cases[0])!!)).scores
    }

    private fun zipped(files: Map<String, ByteArray>): File {
        val zip = File(scratch, "made.edgecv.zip")
        ZipOutputStream(zip.outputStream()).use { out ->
            for ((name, bytes) in files) {
                out.putNextEntry(ZipEntry(name))
                out.write(bytes)
            }
        }
        return zip
    }
}
