package dev.edgecv

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import java.io.File
import java.security.MessageDigest

/** The repository, seen from this module. */
internal val REPOSITORY = File("../..").canonicalFile

/** tests/golden/README.md describes these records. */
@Serializable
internal data class GoldenPixels(
    val file: String?,
    val formula: String?,
    val height: Int,
    val width: Int,
    val channels: Int,
    val sha256: String,
)

@Serializable
internal data class GoldenPictureFile(val file: String, val sha256: String)

@Serializable
internal data class Vector(
    val name: String,
    val spec: Preprocess,
    val io: TensorIO,
    val pixels: GoldenPixels?,
    val orientation: Int,
    val picture: GoldenPictureFile?,
    val tensor: GoldenTensor?,
    val expected: GoldenTensor,
)

@Serializable
internal data class VectorIndex(@SerialName("format_version") val formatVersion: Int, val cases: List<Vector>)

internal object GoldenVectors {
    private val folder = File(REPOSITORY, "tests/golden")
    private val meshes = HashMap<GoldenPixels, ByteArray>()

    fun index(): VectorIndex =
        StrictJson.decode(File(folder, "index.json").readText(), VectorIndex.serializer(), "index.json")

    fun read(file: String, sha256: String): ByteArray = File(folder, file).readBytes().also { checkDigest(file, it, sha256) }

    fun pixels(entry: GoldenPixels): ByteArray {
        if (entry.file != null) return read(entry.file, entry.sha256)
        check(entry.formula == "mesh") { "the formula ${entry.formula}" }
        return meshes.getOrPut(entry) { mesh(entry.height, entry.width, entry.channels).also { checkDigest("mesh", it, entry.sha256) } }
    }

    /** Bytes that the README's formula gives. */
    fun mesh(height: Int, width: Int, channels: Int): ByteArray {
        val bytes = ByteArray(height * width * channels)
        var at = 0
        for (y in 0 until height) for (x in 0 until width) for (c in 0 until channels) {
            val base = ((3 * x + 5 * y) shr 7) + (((7 * x) xor (11 * y)) and 31) + 85 * c
            bytes[at++] = (base xor ((x * y) shr 16)).toByte()
        }
        return bytes
    }

    private fun checkDigest(name: String, bytes: ByteArray, wanted: String) {
        val found = hex(MessageDigest.getInstance("SHA-256").digest(bytes))
        check(found == wanted) { "$name is damaged" }
    }
}
