package dev.edgecv

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.nio.file.Files
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** What is wrong with a bundle is said in words, before anything of it is used. */
class MalformedBundleTest {
    @TempDir
    lateinit var scratch: File

    /** A place in bundle.json, what stands there instead (nothing: the key is gone), and what must be said. */
    private class Change(val place: String, val value: String?, val words: String, val bundle: String = "digits")

    private val changes = listOf(
        Change("schema_version", null, "has no schema_version"),
        Change("schema_version", "0", "has no schema_version"),
        Change("schema_version", "\"2\"", "has no schema_version"),
        Change("schema_version", "1", "made by an older edgecv: its schema version is 1, this library reads 2"),
        Change("schema_version", "3", "made by a newer edgecv: its schema version is 3, this library reads 2"),
        Change("colour", "1", "unknown key 'colour' at $"),
        Change("artifacts.0.sha512", "1", "unknown key 'sha512' at $.artifacts[0]"),
        Change("preprocess.image.resize.antialias", "true", "unknown key 'antialias' at $.preprocess.image.resize"),
        Change("preprocess", null, "'preprocess' is missing at $"),
        Change("preprocess", "{}", "does not say how the input 'image' is preprocessed"),
        Change("labels", null, "'labels' is missing at $"),
        Change("golden.count", null, "'count' is missing at $.golden"),
        Change("name", "7", "$.name must be a string, got 7"),
        Change("name", "null", "$.name must be a string, got null"),
        Change("labels", "\"none\"", "$.labels must be an array"),
        Change("heads", null, "'heads' is missing at $"),
        Change("heads", "[]", "lists no heads"),
        Change("heads", "{}", "$.heads must be an array"),
        Change("heads.0.kind", "\"a kind\"", "$.heads[0].kind must be one of $KINDS, got \"a kind\""),
        Change("heads.0.kind", "7", "$.heads[0].kind must be one of"),
        Change("heads.0.kind", null, "'kind' is missing at $.heads[0]"),
        Change("heads.0.colour", "1", "unknown key 'colour' at $.heads[0]"),
        Change("heads.0.outputs", "[]", "the head 'digit': it has no output"),
        Change("heads.0.outputs", "[\"digit\", \"digit\"]", "the output 'digit' belongs to several heads"),
        Change("heads", """[{"name": "size+kind", "kind": "regression", "outputs": ["size", "kind"]}]""",
            "the kind regression has one output, got 2", bundle = "two_by_two"),
        Change("heads.0.outputs.0", "\"depth\"", "it has the output 'depth', which the model has not"),
        Change("heads", "[$HEAD, $HEAD]", "lists the head 'digit' twice"),
        Change("heads.1.outputs.0", "\"kind\"", "the output 'kind' belongs to several heads", bundle = "two_by_two"),
        Change("heads", "[${HEAD.replace("digit", "kind")}]", "the output 'size' belongs to no head", bundle = "two_by_two"),
        Change("heads", """[{"name": "size", "kind": "regression", "outputs": ["size"]}, ${HEAD.replace("digit", "kind")}]""",
            "its heads are not in the order of their outputs", bundle = "two_by_two"),
        Change("heads.0.labels", "[]", "its list of labels is empty", bundle = "regression"),
        Change("artifacts.0", """{"target": "openvino", "file": "../x", $LISTED}""", "names the path '../x', which leaves it"),
        Change("artifacts.0", """{"target": "openvino", "file": "x", "sha256": "7", "bytes": 7}""", "has the digest '7'"),
        Change("artifacts.0", """{"target": "openvino", $LISTED}""", "an artifact for openvino: "),
        Change("heads.0.thresholds", "[1.5]", "thresholds must be in 0..1, got [1.5]", bundle = "multilabel"),
        Change("heads.0.thresholds", "[]", "thresholds must be in 0..1", bundle = "multilabel"),
        Change("heads.0.thresholds", "[0.1, 0.2]", "thresholds must be one, or one for each of 3 labels, got 2", bundle = "multilabel"),
        Change("artifacts.0.target", "\"ONNX Runtime\"", "$.artifacts[0].target must be one of tflite, onnx, coreml"),
        Change("artifacts.0.bytes", "\"12\"", "$.artifacts[0].bytes must be a whole number, got \"12\""),
        Change("artifacts.0.bytes", "1.5", "$.artifacts[0].bytes must be a whole number, got 1.5"),
        Change("artifacts.0.inputs.0.by_label", "\"true\"", "must be true or false, got \"true\""),
        Change("artifacts.0.inputs", "{}", "$.artifacts[0].inputs must be an array"),
        Change("provenance.recipe", "[]", "$.provenance.recipe must be an object"),
        Change("heads.0.thresholds", "[\"half\"]", "must be a number, got \"half\""),
        Change("heads.0.thresholds", "[0.5]", "the kind classification has no thresholds, got [0.5]"),
        Change("artifacts", "[]", "lists no artifacts"),
        Change("inputs", "[]", "lists no inputs"),
        Change("artifacts.0.file", "\"../model.onnx\"", "names the path '../model.onnx', which leaves it"),
        Change("artifacts.0.file", "\"/model.onnx\"", "which leaves it"),
        Change("artifacts.0.file", "\"a\\\\b\"", "which leaves it"),
        Change("artifacts.0.file", "\"C:model.onnx\"", "which leaves it"),
        Change("golden.file", "\"golden/../../golden.json\"", "which leaves it"),
        Change("artifacts.0.precision", "\"INT 8\"", "has the precision 'INT 8'"),
        Change("artifacts.0.inputs.0.name", "\"picture\"", "are not the model's in bundle.json"),
        Change("artifacts.0.outputs", "[]", "are not the model's in bundle.json"),
        Change("artifacts.0.inputs.0.dtype", "\"int4\"", "has the dtype 'int4'"),
        Change("artifacts.0.inputs.0.shape", "[]", "has the shape []"),
        Change("artifacts.0.inputs.0.shape.0", "0", "has the shape [0, 16, 16, 1]"),
        Change("artifacts.0.inputs.0.shape", "[65536, 65536, 65536, 65536]", "has the shape"),
        Change("artifacts.0.inputs.0.quantization", "{\"scale\": 0, \"zero_point\": 0}", "the scale of 'image'"),
        Change("artifacts.0.inputs.0.quantization", "{\"scale\": -1.0, \"zero_point\": 0}", "must be over 0"),
        Change("artifacts.0.inputs.0.shape", "[1, 16, 16]", "has the shape [1, 16, 16], the model's is [1, 16, 16, 1]"),
        Change("artifacts.0.inputs.0.shape", "[1, 1, 16, 16]", "the model's is [1, 16, 16, 1]"),
        Change("artifacts.0.inputs.0.shape.0", "2", "have the batches 1, 2"),
        Change("artifacts.0.outputs.0.shape", "[1, 9]", "has the shape [1, 9]"),
        Change("artifacts.0.inputs.0.tensor", "\"\"", "has no tensor's name"),
        Change("artifacts.0.inputs.0.dtype", "\"int8\"", "is int8 without a scale"),
        Change("artifacts.0.inputs.0.quantization", "{\"scale\": 1e-50, \"zero_point\": 0}", "the scale of 'image'"),
        Change("artifacts.0.inputs.0.quantization", "{\"scale\": 1.0, \"zero_point\": 0}", "which has no scale"),
        Change("artifacts.0.precision", "\"velvet\"", "has the precision 'velvet'"),
        Change("artifacts.0.precision", "\"palette4-group8\"", "has the precision 'palette4-group8'"),
        Change("artifacts.0.bytes", "-1", "negative number of bytes"),
        Change("artifacts.0.sha256", "\"../x\"", "has the digest '../x'"),
        Change("artifacts.0.file", "\"onnx/\\u0000x\"", "which no file can have"),
        Change("artifacts.0.file", "\"${"x".repeat(256)}\"", "which is too long"),
        Change("artifacts.0.file", "\"onnx/${"x".repeat(100_000)}\"", "(100005 letters)', which is too long"),
        Change("golden.file", "\".\"", "which leaves it"),
        Change("labels", "[\"a\"]", "its labels are not those of its first head with labels"),
        Change("labels", "null", "its labels are not those of its first head with labels", bundle = "colours"),
        Change("heads.0.labels", "[\"a\"]", "it has 1 labels for 10 answers"),
        Change("inputs.0.shape", "[1, 8, 8, 1]", "the model takes [1, 8, 8, 1]"),
        Change("preprocess.image.size", "[8, 8]", "it gives the shape [1, 8, 8, 1]"),
        Change("preprocess.other", "{}", "preprocesses an input that the model does not have"),
        Change("preprocess.image.size", "null", "preprocess of 'image': it has no size"),
        Change("preprocess.image.size", "[16]", "size must be height and width of at least 1, got [16]"),
        Change("preprocess.image.size", "[0, 16]", "size must be height and width of at least 1, got [0, 16]"),
        Change("preprocess.image.fit.fraction", "0.5", "fit.fraction must be given only with mode = 'crop', got 0.5"),
        Change("preprocess.image.fit.mode", "\"resize_crop\"", "fit.shorter must be given with mode = 'resize_crop'"),
        Change("preprocess.image.fit", "{\"mode\": \"resize_crop\", \"shorter\": 0}", "fit.shorter must be 1 to 65536 pixels, got 0"),
        Change("preprocess.image.fit", "{\"mode\": \"crop\", \"fraction\": 1.5}", "fit.fraction must be over 0 and at most 1, got 1.5"),
        Change("preprocess.image.fit", "{\"mode\": \"letterbox\", \"pad\": [256]}", "fit.pad must be values in 0..255, got [256]"),
        Change("preprocess.image.fit", "{\"mode\": \"letterbox\", \"pad\": [1, 2]}", "fit.pad must be 1 or 1 values, got [1, 2]"),
        Change("preprocess.image.normalize", "{\"scale\": [0.0]}", "normalize.scale must be other than zero"),
        Change("preprocess.image.normalize", "{\"scale\": []}", "normalize.scale must be finite numbers of float32"),
        Change("preprocess.image.normalize", "{\"scale\": [1e39]}", "normalize.scale must be finite numbers of float32"),
        Change("preprocess.image.normalize", "{\"offset\": [1, 2]}", "normalize.offset must be 1 or 1 values"),
        Change("preprocess.image.normalize.preset", "\"imagenet\"", "normalize.preset must be one of none, rescale, tf, torch, caffe"),
        Change("preprocess.image.normalize.preset", "\"tf\"", "normalize.scale must be [0.007843138] with normalize.preset = 'tf'"),
        Change("preprocess.image.kind", "\"tensor\"", "left out with kind = 'tensor'"),
    )

    private val decoders = listOf(
        Change("heads.0.decode", null, "the kind detection needs a decoder", "places"),
        Change("heads.0.decode", "\"grid\"", "$.heads[0].decode must be an object", "places"),
        Change("heads.0.decode.form", "\"ovals\"", "$.heads[0].decode.form must be one of ", "places"),
        Change("heads.0.decode.form", "7", "$.heads[0].decode.form must be one of ", "places"),
        Change("heads.0.decode.form", null, "'form' is missing at $.heads[0].decode", "places"),
        Change("heads.0.decode.stride", "1", "unknown key 'stride' at $.heads[0].decode", "places"),
        Change("heads.0.decode.scores", null, "'scores' is missing at $.heads[0].decode", "places"),
        Change("heads.0.decode.scores", "[]", "its decoder has no scores", "places"),
        Change("heads.0.decode.scores.0.channels", "\"third\"", "must be one of last, second", "places"),
        Change("heads.0.decode.scores.0.count", "2", "thresholds must be one, or one for each of 2 labels, got 3", "places"),
        Change("heads.0.decode.scores.0.first", "-1", "must be in 0..1048576", "places"),
        Change("heads.0.decode.boxes.0.output", "\"mask\"", "the boxes of its decoder are of 'mask', which is no output of the head", "places"),
        Change("heads.0.decode.boxes.0.first", "2", "the boxes of its decoder must be 12 rows of 4 columns, got 12 of 2", "places"),
        Change("heads.0.decode.boxes.0.count", "9", "the boxes of its decoder do not fit in the 4 channels of 'boxes'", "places"),
        Change("heads.0.decode.boxes.0.width", "3", "the boxes of its decoder do not fit in the 4 channels of 'boxes'", "places"),
        Change("heads.0.decode.objectness", "[{\"output\": \"boxes\"}]", "the objectness of its decoder must be 12 rows of 1 columns", "places"),
        Change("heads.0.decode.levels", "[]", "its decoder has no levels", "places"),
        Change("heads.0.decode.levels.0.grid", "[3]", "are two numbers each", "places"),
        Change("heads.0.decode.levels.0.grid", "[3, 5]", "the levels of its decoder have 15 places for 12 boxes", "places"),
        Change("heads.0.decode.levels.0.grid", "[0, 4]", "the grids of its decoder must be in 1..1048576", "places"),
        Change("heads.0.decode.levels.0.stride", "[4, 0]", "the strides and sizes of its decoder must be over 0", "places"),
        Change("heads.0.decode.levels.0.sizes", "[[1, 2]]", "the levels of its decoder have sizes", "places"),
        Change("heads.0.decode.bins", "0", "the bins of its decoder must be in 1..1048576, got 0", "places"),
        Change("heads.0.decode.bins", "2", "the boxes of its decoder must be 12 rows of 8 columns, got 12 of 4", "places"),
        Change("heads.0.decode.background", "3", "the background of its decoder must be in 0..2, got 3", "places"),
        Change("heads.0.decode.overlap", "1.5", "the overlap of its decoder must be in 0..1, got 1.5", "places"),
        Change("heads.0.decode.most", "0", "the most of its decoder must be in 1..1048576, got 0", "places"),
        Change("heads.0.thresholds", "[]", "thresholds must be in 0..1", "places"),
        Change("heads.0.labels", "[\"a\"]", "it has 1 labels for 3 classes", "places"),
        Change("heads.1.decode", "{\"form\": \"pixels\"}", "the kind segmentation has no decoder of this form", "places"),
        Change("heads.1.decode.kernel", "\"bicubic\"", "must be one of nearest, bilinear", "places"),
        Change("heads.1.thresholds", "[0.5]", "a segmentation head of 3 planes has no thresholds", "places"),
        Change("heads.2.decode.skeleton", "[[0, 3]]", "the skeleton of its decoder has pairs of points in 0..2", "places"),
        Change("heads.2.decode.skeleton", "[[0]]", "the skeleton of its decoder has pairs of points in 0..2", "places"),
        Change("heads.2.activation", "\"softmax\"", "the scores of points have no softmax", "places"),
        Change("heads.3.decode.high", "0.0", "the low and high of its decoder are equal", "places"),
        Change("heads.3.labels", "[\"a\"]", "it has 1 labels for 0 classes", "places"),
        Change("heads.4.decode", "{\"form\": \"planes\"}", "the kind embedding has no decoder", "places"),
        Change("heads.0.decode", "{\"form\": \"pixels\"}", "the kind classification has no decoder", "colours"),
    )

    @TestFactory
    fun `a manifest that says something else is refused`(): List<DynamicTest> = (changes + decoders).map { change ->
        DynamicTest.dynamicTest("${change.bundle}: ${change.place} = ${change.value}") {
            val error = assertFailsWith<BundleException> { Bundle.open(with(change)) }
            assertTrue(change.words in error.message, error.message)
            assertNotNull(error.hint)
        }
    }

    @Test
    fun `unknown keys come with the known ones`() {
        val error = assertFailsWith<BundleException> { Bundle.open(with(Change("golden.cases", "[]", ""))) }
        assertEquals("Known keys there are file, sha256, count", error.hint)
    }

    @Test
    fun `what is no JSON is refused`() {
        for (text in listOf("", "{", "[1, 2", "\u0000", "{\"a\": 01x}", "[".repeat(100_000))) {
            val folder = copy()
            File(folder, "bundle.json").writeText(text)
            assertFailsWith<BundleException> { Bundle.open(folder) }
        }
    }

    @Test
    fun `text that is no UTF-8 is refused`() {
        val folder = copy()
        val file = File(folder, "bundle.json")
        val bytes = file.readBytes()
        file.writeBytes(bytes.copyOf().also { it[it.indexOf('d'.code.toByte())] = -1 })
        assertFailsWith<BundleException> { Bundle.open(folder) }
        file.writeText(String(bytes).replaceFirst("\"digits\"", "\"\\ud800\"")) // half of a surrogate pair
        val error = assertFailsWith<BundleException> { Bundle.open(folder) }
        assertTrue("$.name must be a string" in error.message, error.message)
    }

    @Test
    fun `a link that leads outside is refused, and one inside is followed`() {
        val outside = File(scratch, "outside.onnx").toPath()
        val folder = copy()
        val model = File(folder, "onnx/model.int8.onnx").toPath()
        Files.move(model, outside)
        Files.createSymbolicLink(model, outside)
        Bundle.open(folder).use { bundle ->
            val error = assertFailsWith<BundleException> { bundle.model(bundle.artifact(Format.ONNX, "int8")) }
            assertTrue("is a link that leads outside the bundle" in error.message, error.message)
        }
        Files.delete(model)
        Files.move(outside, File(folder, "kept.onnx").toPath())
        Files.createSymbolicLink(model, File("../kept.onnx").toPath())
        Bundle.open(folder).use { bundle -> bundle.model(bundle.artifact(Format.ONNX, "int8")) }
    }

    @Test
    fun `a zip of too many files, or one that unpacks to too much, is refused`() {
        val many = zip("many") { out -> repeat(5000) { out.add("golden/$it.bin", 0) } }
        assertTrue("a bundle has at most" in assertFailsWith<BundleException> { Bundle.open(many) }.message)
        val bomb = zip("bomb") { out -> out.add("golden/x.bin", 100 shl 20) }
        assertTrue("unpacks to" in assertFailsWith<BundleException> { Bundle.open(bomb) }.message)
    }

    private fun zip(name: String, fill: (ZipOutputStream) -> Unit): File {
        val file = File(scratch, "$name.edgecv.zip")
        ZipOutputStream(file.outputStream()).use(fill)
        return file
    }

    private fun ZipOutputStream.add(name: String, bytes: Int) {
        putNextEntry(ZipEntry(name))
        val zeros = ByteArray(1 shl 20)
        repeat(bytes shr 20) { write(zeros) }
        closeEntry()
    }

    @Test
    fun `a folder without a manifest and a path without a bundle are refused`() {
        val empty = File(scratch, "empty.edgecv").apply { mkdirs() }
        assertEquals("empty.edgecv has no bundle.json", assertFailsWith<BundleException> { Bundle.open(empty) }.message)
        val nowhere = File(scratch, "nowhere.edgecv")
        assertEquals("$nowhere does not exist", assertFailsWith<BundleException> { Bundle.open(nowhere) }.message)
    }

    @Test
    fun `a model that was changed, cut or taken away is refused, and only when it is opened`() {
        val damage = listOf<Pair<String, (File) -> Unit>>(
            "was changed since the bundle was made" to { file -> flip(file, 100) },
            "bundle.json says" to { file -> file.writeBytes(file.readBytes().copyOf(100)) },
            "is missing" to { file -> assertTrue(file.delete()) },
        )
        for ((words, harm) in damage) {
            val folder = copy()
            harm(File(folder, "onnx/model.int8.onnx"))
            Bundle.open(folder).use { bundle ->
                val error = assertFailsWith<BundleException> { bundle.model(bundle.artifact(Format.ONNX, "int8")) }
                assertTrue(words in error.message, error.message)
                bundle.model(bundle.artifact(Format.ONNX, "float32"))
            }
        }
    }

    @Test
    fun `golden files that were changed are refused`() {
        val folder = copy()
        val tensor = File(folder, "golden/000.input.0.bin")
        flip(tensor, 0)
        Bundle.open(folder).use { bundle ->
            val case = bundle.golden().cases[0]
            val error = assertFailsWith<BundleException> { bundle.goldenTensor(case.inputs.getValue("image")) }
            assertEquals("golden/000.input.0.bin was changed since the bundle was made", error.message)
        }
        File(folder, "golden/golden.json").appendText(" ")
        Bundle.open(folder).use { bundle ->
            val error = assertFailsWith<BundleException> { bundle.golden() }
            assertEquals("golden/golden.json was changed since the bundle was made", error.message)
        }
    }

    @Test
    fun `a bundle that lacks what is asked for says what it has`() {
        Bundles.open("digits.edgecv").use { bundle ->
            val error = assertFailsWith<BundleException> { bundle.artifact(Format.COREML, "float16") }
            assertEquals("the bundle digits has no coreml float16", error.message)
            assertTrue("onnx int8" in error.hint!!, error.hint)
        }
    }

    private fun flip(file: File, at: Int) = file.writeBytes(file.readBytes().also { it[at] = (it[at] + 1).toByte() })

    private fun copy(name: String = "digits"): File = Bundles.copy("$name.edgecv", scratch)

    private fun with(change: Change): File {
        val folder = copy(change.bundle)
        val file = File(folder, "bundle.json")
        val value = change.value?.let { Json.parseToJsonElement(it) }
        file.writeText(changed(Json.parseToJsonElement(file.readText()), change.place.split('.'), value).toString())
        return folder
    }

    private fun changed(element: JsonElement, place: List<String>, value: JsonElement?): JsonElement {
        val (key, rest) = place.first() to place.drop(1)
        if (element is JsonArray) {
            val items = element.toMutableList()
            items[key.toInt()] = next(items[key.toInt()], rest, value) ?: JsonNull
            return JsonArray(items)
        }
        val entries = (element as JsonObject).toMutableMap()
        val new = next(entries[key] ?: JsonNull, rest, value)
        if (new == null) entries.remove(key) else entries[key] = new
        return JsonObject(entries)
    }

    private fun next(element: JsonElement, rest: List<String>, value: JsonElement?): JsonElement? =
        if (rest.isEmpty()) value else changed(element, rest, value)

    private companion object {
        const val KINDS = "classification, binary, multilabel, regression, detection, segmentation, keypoints, image, embedding"
        const val LISTED = """"sha256": "0000000000000000000000000000000000000000000000000000000000000000", "bytes": 7"""
        const val HEAD = """{"name": "digit", "kind": "classification", "outputs": ["digit"]}"""
    }
}
