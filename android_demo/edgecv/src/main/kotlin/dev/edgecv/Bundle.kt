package dev.edgecv

import dev.edgecv.heads.Recorded
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

internal const val MANIFEST: String = "bundle.json"
private const val MOST_MANIFEST = 16L shl 20 // bytes
private const val MOST_GOLDEN = 64L shl 20 // of the list of golden cases, which has sketches of every layer
private const val MOST_PICTURE = 256L shl 20
private const val MOST_ELEMENTS = 1L shl 28 // of a golden tensor

/** A bundle: what it says of itself, and its files. Nothing in one is trusted before it is checked. */
public class Bundle private constructor(
    private val source: BundleSource,
    read: ReadManifest,
) : AutoCloseable {
    /** All of `bundle.json` that this library knows. */
    public val manifest: Manifest = read.manifest

    /** A sentence for each artifact of a newer format and each head of a newer kind: this library does not know them and left them out. */
    public val leftOut: List<String> = read.leftOut

    /** The name that messages call the bundle. */
    public val name: String get() = manifest.name

    /** The digest of what the bundle was made from and how. */
    public val identity: String get() = manifest.identity

    /**
     * The first artifact of that format and precision.
     *
     * @throws BundleException there is none; the hint lists those there are.
     */
    public fun artifact(target: Format? = null, precision: String? = null): Artifact =
        manifest.artifacts.firstOrNull {
            (target == null || it.target == target) && (precision == null || it.precision == precision)
        } ?: throw BundleException(
            "the bundle $name has no ${listOfNotNull(target?.title, precision).joinToString(" ").ifEmpty { "artifact" }}",
            "It has ${manifest.artifacts.joinToString { it.title }}",
        )

    /**
     * An artifact's file as a direct buffer, after its size and digest were checked.
     *
     * @throws BundleException it is missing or was changed, or its format is for other devices.
     */
    public fun model(artifact: Artifact): ByteBuffer {
        artifact.target.elsewhere?.let { throw BundleException("${artifact.file} $it") }
        if (!source.exists(artifact.file)) throw BundleException("${artifact.file} is missing", ANEW)
        val size = source.size(artifact.file)
        if (size != artifact.bytes) {
            throw BundleException("${artifact.file} has $size bytes, $MANIFEST says ${artifact.bytes}", ANEW)
        }
        val model = source.map(artifact.file).order(ByteOrder.nativeOrder()) // LiteRT refuses another order
        checkDigest(artifact.file, sha256(model), artifact.sha256)
        return model
    }

    /**
     * The list of golden cases.
     *
     * @throws BundleException it was changed or is damaged.
     */
    public fun golden(): Golden {
        val info = manifest.golden
        val bytes = read(info.file, info.sha256, MOST_GOLDEN)
        val golden = StrictJson.decode(textOf(bytes, info.file), Golden.serializer(), info.file)
        if (golden.cases.size != info.count) {
            throw BundleException("${info.file} lists ${golden.cases.size} cases, $MANIFEST has ${info.count}", ANEW)
        }
        return golden
    }

    /**
     * A golden tensor's real values.
     *
     * @throws BundleException it was changed, or is no float32 of that length.
     */
    public fun goldenTensor(tensor: GoldenTensor): FloatArray = floatsOf(goldenBytes(tensor, "float32", Float.SIZE_BYTES))

    /** What golden cases record of an answer: float32, or uint8 of masks and pictures. */
    internal fun goldenAnswer(answer: GoldenAnswer): Recorded {
        val tensor = answer.scores
        return if (tensor.dtype == "uint8") Recorded.of(answer.decisions, tensor.shape, goldenBytes(tensor, "uint8", 1))
        else Recorded.of(answer.decisions, tensor.shape, goldenTensor(tensor))
    }

    /** The bytes of a golden tensor of a type whose numbers have so many each; there may be none, as of no boxes. */
    private fun goldenBytes(tensor: GoldenTensor, dtype: String, size: Int): ByteArray {
        val file = goldenFile(tensor.file)
        val count = tensor.shape.fold(1L) { product, side -> if (side < 0 || product > MOST_ELEMENTS) -1 else product * side }
        if (count !in 0..MOST_ELEMENTS) throw BundleException("$file has the shape ${shortened(tensor.shape.toString())}", ANEW)
        val bytes = read(file, tensor.sha256, size * count)
        if (tensor.dtype != dtype || bytes.size.toLong() != size * count) {
            throw BundleException("$file does not hold ${tensor.dtype} ${tensor.shape}", ANEW)
        }
        return bytes
    }

    /**
     * A golden case's picture, encoded; null where it has none.
     *
     * @throws BundleException it was changed or is missing.
     */
    public fun goldenPicture(case: GoldenCase): ByteArray? {
        val image = case.image ?: return null
        return read(goldenFile(image), case.imageSha256, MOST_PICTURE)
    }

    override fun close() {
        source.close()
    }

    /** A file that lies beside the list of golden cases. */
    private fun goldenFile(name: String): String {
        val folder = manifest.golden.file.substringBeforeLast('/', "")
        return inside(if (folder.isEmpty()) name else "$folder/$name")
    }

    private fun read(file: String, digest: String?, most: Long): ByteArray {
        if (!source.exists(file)) throw BundleException("$file is missing", ANEW)
        val bytes = source.open(file).use { readAll(it, file, most) }
        if (digest != null) checkDigest(file, hex(MessageDigest.getInstance("SHA-256").digest(bytes)), digest)
        return bytes
    }

    private fun checkDigest(file: String, found: String, wanted: String) {
        if (found != wanted) throw BundleException("$file was changed since the bundle was made", ANEW)
    }

    /** Opens bundles. */
    public companion object {
        /**
         * Read and check a bundle; it owns the source from then on, and closes it where this fails.
         *
         * @throws BundleException it is missing, damaged, unsafe, or written by another version.
         */
        public fun open(source: BundleSource): Bundle = try {
            if (!source.exists(MANIFEST)) {
                throw BundleException("${source.name} has no $MANIFEST", "Is this a bundle made by edgecv convert?")
            }
            val bytes = source.open(MANIFEST).use { readAll(it, MANIFEST, MOST_MANIFEST) }
            Bundle(source, readManifest(textOf(bytes, MANIFEST), "${source.name}/$MANIFEST"))
        } catch (error: EdgecvException) {
            source.close()
            throw error
        }

        /**
         * Open a NAME.edgecv folder or a NAME.edgecv.zip.
         *
         * @throws BundleException see [open].
         */
        public fun open(path: File): Bundle = when {
            path.isDirectory -> open(DirectorySource(path))
            path.isFile -> open(ZipSource(path))
            else -> throw BundleException("$path does not exist", "Give a NAME.edgecv folder or a NAME.edgecv.zip")
        }
    }
}

private const val MOST_BYTES = 1024 // of a relative path in UTF-8; file systems take about four times as much
private const val MOST_PART = 255 // of one of its parts: what file systems take
private const val MOST_PARTS = 32
private const val SHOWN = 200 // letters of a stranger's text in a message

/** The same relative path, if it stays in the bundle. */
internal fun inside(path: String): String {
    val parts = path.split('/')
    val bytes = path.toByteArray()
    val reason = when {
        '\u0000' in path || String(bytes) != path -> "which no file can have" // half of a surrogate pair is no UTF-8
        path.isEmpty() || path.startsWith("/") || '\\' in path || ".." in parts || ':' in parts[0] -> "which leaves it"
        parts.all { it.isEmpty() || it == "." } -> "which leaves it"
        bytes.size > MOST_BYTES || parts.size > MOST_PARTS || parts.any { it.toByteArray().size > MOST_PART } -> "which is too long"
        else -> return path
    }
    throw BundleException("the bundle names the path '${shortened(path)}', $reason", "Do not use this bundle")
}

/** A stranger's text for a message: all of it, or its beginning. */
internal fun shortened(text: String): String =
    if (text.length <= SHOWN) text else "${text.take(SHOWN)}... (${text.length} letters)"

/** All bytes of a stream, which are to be no more than so many. */
internal fun readAll(stream: InputStream, name: String, most: Long): ByteArray {
    val bytes = ByteArrayOutputStream()
    val part = ByteArray(1 shl 16)
    try {
        while (true) {
            val count = stream.read(part)
            if (count < 0) return bytes.toByteArray()
            bytes.write(part, 0, count)
            if (bytes.size() > most) break
        }
    } catch (error: IOException) {
        throw BundleException("$name cannot be read: ${error.message}", ANEW, error)
    }
    throw BundleException("${shortened(name)} is larger than ${most shr 20} MiB", "Do not use this bundle")
}

/** A file's text, which is UTF-8 to the letter. */
internal fun textOf(bytes: ByteArray, name: String): String {
    val text = String(bytes, Charsets.UTF_8)
    if (!text.toByteArray().contentEquals(bytes)) throw BundleException("$name is not UTF-8", ANEW)
    return text
}
