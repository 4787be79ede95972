package dev.edgecv

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.io.TempDir
import java.io.File
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** What a newer edgecv wrote into a bundle is left out and said, and the rest of the bundle is used. */
class LeftOutTest {
    @TempDir
    lateinit var scratch: File

    private val artifact = """{"target": "openvino", "precision": 8, "file": "openvino/model.xml", "sha256": "${"0".repeat(64)}", "bytes": 7}"""
    private val saidOfArtifact = "the artifact openvino/model.xml is for the target openvino, which this edgecv does not know"
    private val head = """{"name": "pose", "kind": "mesh", "outputs": ["colour"], "skeleton": [[0, 1]], "labels": {"0": "nose"}}"""
    private val saidOfHead = "the head \"pose\" is of the kind mesh, which this edgecv does not know"

    @Test
    fun `a bundle of today leaves out nothing`() {
        Bundles.open("digits.edgecv").use { assertEquals(emptyList(), it.leftOut) }
    }

    @Test
    fun `an artifact of an unknown target goes with its proof, whatever keys both have`() {
        val proof = """{"artifact": "openvino/model.xml", "luck": 1}"""
        val folder = changed("colours") { manifest ->
            manifest + ("artifacts" to manifest.list("artifacts", artifact)) + ("parity" to manifest.list("parity", proof))
        }
        Bundle.open(folder).use { bundle ->
            assertEquals(listOf(saidOfArtifact), bundle.leftOut)
            Bundles.open("colours.edgecv").use { assertEquals(it.manifest, bundle.manifest) }
        }
    }

    @Test
    fun `the proof of an artifact that stays is read as strictly as ever`() {
        val folder = changed("colours") { manifest ->
            val proof = """{"artifact": "onnx/model.int8.onnx", "status": "passed", "how": "here", "luck": 1}"""
            manifest + ("artifacts" to manifest.list("artifacts", artifact)) + ("parity" to manifest.list("parity", proof))
        }
        val error = assertFailsWith<BundleException> { Bundle.open(folder) }
        assertTrue("unknown key 'luck' at $.parity[0]" in error.message, error.message)
    }

    @Test
    fun `a head of an unknown kind goes, and its output is given as it is`() {
        val folder = changed("two_heads") { manifest -> manifest + ("heads" to JsonArray(listOf(parsed(head), manifest.warmth()))) }
        Bundle.open(folder).use { bundle ->
            assertEquals(listOf(saidOfHead), bundle.leftOut)
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                val made = predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(bundle.golden().cases[0])!!))
                assertEquals(mapOf("colour" to 3, "warm" to 1), made.outputs.mapValues { it.value.size })
                assertEquals(listOf("warm"), made.answers.map { it.head.name })
                assertContentEquals(made.outputs.getValue("warm"), made.scores)
            }
        }
    }

    @Test
    fun `unknown keys in what is known are refused as ever`() {
        val folder = changed("two_heads") { manifest ->
            manifest + ("heads" to JsonArray(listOf(parsed(head), JsonObject(manifest.warmth() + ("colour" to JsonNull)))))
        }
        val error = assertFailsWith<BundleException> { Bundle.open(folder) }
        assertTrue("unknown key 'colour' at $.heads[0]" in error.message, error.message)
    }

    @Test
    fun `a bundle of which nothing is left is refused`() {
        for ((part, record, said) in listOf(Triple("artifacts", artifact, saidOfArtifact), Triple("heads", head, saidOfHead))) {
            val error = assertFailsWith<BundleException> {
                Bundle.open(changed("colours") { it + (part to JsonArray(listOf(parsed(record)))) })
            }
            assertEquals("colours.edgecv/bundle.json holds $part of a newer edgecv only, so it needs that: $said", error.message)
            assertEquals("Update the app", error.hint)
        }
    }

    @Test
    fun `an artifact with a second file goes with its proof, and a bundle of such alone is refused`() {
        val said = "the artifact onnx/model.float32.onnx has its numbers in a second file, which this library does not read"
        val folder = changed("colours") { it + ("artifacts" to it.withSecondFiles(1)) }
        Bundle.open(folder).use { bundle ->
            assertEquals(listOf(said), bundle.leftOut)
            assertEquals(listOf("onnx/model.int8.onnx"), bundle.manifest.artifacts.map { it.file })
            assertTrue(bundle.manifest.parity.none { it.artifact == "onnx/model.float32.onnx" })
        }
        val error = assertFailsWith<BundleException> {
            Bundle.open(changed("colours") { it + ("artifacts" to it.withSecondFiles(it.getValue("artifacts").jsonArray.size)) })
        }
        assertEquals("colours.edgecv/bundle.json: $said", error.message)
        assertEquals("Convert to a smaller precision, or make the model smaller: edgecv prune", error.hint)
    }

    @Test
    fun `clips and sounds are refused in words`() {
        for (kind in listOf("clip", "sound")) {
            val spec = parsed("""{"kind": "$kind", "$kind": {"frames": 4, "stride": 1}}""")
            val error = assertFailsWith<BundleException> {
                Bundle.open(changed("colours") { it + ("preprocess" to JsonObject(mapOf("image" to spec))) })
            }
            val said = "the input 'image' is of the kind $kind, and this library prepares pictures and tensors only"
            assertEquals("colours.edgecv/bundle.json: $said", error.message)
            assertEquals("Run the bundle with edgecv's Python runtime", error.hint)
        }
    }

    private fun JsonObject.warmth(): JsonObject = getValue("heads").jsonArray[1].jsonObject

    private fun Map<String, JsonElement>.list(key: String, record: String): JsonArray =
        JsonArray(listOf(parsed(record)) + getValue(key).jsonArray)

    /** The artifacts, of which the first few have a second file. */
    private fun JsonObject.withSecondFiles(count: Int): JsonArray {
        val data = parsed("""{"file": "x.data", "sha256": "${"0".repeat(64)}", "bytes": 7}""")
        val artifacts = getValue("artifacts").jsonArray
        return JsonArray(artifacts.take(count).map { JsonObject(it.jsonObject + ("data" to data)) } + artifacts.drop(count))
    }

    private fun parsed(text: String): JsonElement = Json.parseToJsonElement(text)

    private fun changed(name: String, change: (JsonObject) -> Map<String, JsonElement>): File {
        val folder = Bundles.copy("$name.edgecv", scratch)
        val file = File(folder, "bundle.json")
        file.writeText(JsonObject(change(Json.parseToJsonElement(file.readText()).jsonObject)).toString())
        return folder
    }
}
