package dev.edgecv.heads

import dev.edgecv.GoldenAnswer
import dev.edgecv.GoldenTensor
import dev.edgecv.HeadSpec
import dev.edgecv.LiveAnswer
import dev.edgecv.Preprocess
import dev.edgecv.REPOSITORY
import dev.edgecv.StrictJson
import dev.edgecv.View
import dev.edgecv.floatsOf
import dev.edgecv.hex
import dev.edgecv.preprocess.place
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import java.io.File
import java.security.MessageDigest

/** One case of tests/golden/decode, whose README describes the records. */
@Serializable
internal data class DecodeVector(
    val name: String,
    val head: HeadSpec,
    val outputs: Map<String, GoldenTensor>,
    val preprocess: Preprocess,
    val picture: List<Int>?,
    val expected: GoldenAnswer,
) {
    private val names get() = head.outputs

    fun open(): Head {
        val shapes = names.map { outputs.getValue(it).shape }
        val canvas = preprocess.size?.let { (height, width) -> Canvas(height, width) }
        val form = HeadForm(head, shapes, names.map { "float32" }, canvas)
        head.kind.type.checkDecoder(form)
        head.kind.type.checkThresholds(form)
        head.labels?.let { head.kind.type.checkLabels(form, it.size) }
        return Head.open(form, names)
    }

    fun values(): List<FloatArray> = names.map { floatsOf(DecodeVectors.bytes(outputs.getValue(it))) }

    /** The view of its picture; the same object each time, as a camera's frames have it. */
    val view: View? by lazy { picture?.let { (height, width) -> View(height, width, place(preprocess, height, width)) } }

    fun wanted(): Recorded {
        val bytes = DecodeVectors.bytes(expected.scores)
        val shape = expected.scores.shape
        return if (expected.scores.dtype == "uint8") Recorded.of(expected.decisions, shape, bytes)
        else Recorded.of(expected.decisions, shape, floatsOf(bytes))
    }

    /** The answer of a head that is used again and again. */
    fun read(head: Head, outputs: List<FloatArray>, into: LiveAnswer) = head.read(outputs, into, view)
}

@Serializable
internal data class DecodeIndex(@SerialName("format_version") val formatVersion: Int, val cases: List<DecodeVector>)

internal object DecodeVectors {
    private val folder = File(REPOSITORY, "tests/golden/decode")

    fun index(): DecodeIndex =
        StrictJson.decode(File(folder, "index.json").readText(), DecodeIndex.serializer(), "index.json").also { check(it.formatVersion == 1) }

    fun bytes(tensor: GoldenTensor): ByteArray {
        val bytes = File(folder, tensor.file).readBytes()
        check(hex(MessageDigest.getInstance("SHA-256").digest(bytes)) == tensor.sha256) { "${tensor.file} is damaged" }
        return bytes
    }
}
