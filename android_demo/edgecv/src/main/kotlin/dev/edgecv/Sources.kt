package dev.edgecv

import java.io.File
import java.io.FileInputStream
import java.io.IOException
import java.io.InputStream
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.util.zip.ZipEntry
import java.util.zip.ZipFile

/** A NAME.edgecv folder. */
public class DirectorySource(private val folder: File) : BundleSource {
    override val name: String = folder.name

    override fun exists(path: String): Boolean = inFolder(path).isFile

    override fun size(path: String): Long = there(path).length()

    override fun open(path: String): InputStream = reading(path) { FileInputStream(it) }

    override fun map(path: String): ByteBuffer = reading(path) { file ->
        RandomAccessFile(file, "r").use { it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length()) }
    }

    private fun there(path: String): File =
        inFolder(path).takeIf { it.isFile } ?: throw BundleException("$name/$path is missing", ANEW)

    /** A file of the folder, unless a symbolic link on its way leads out of it. */
    private fun inFolder(path: String): File = try {
        val file = File(folder, path)
        if (!file.canonicalPath.startsWith(folder.canonicalPath + File.separator)) {
            throw BundleException("$path is a link that leads outside the bundle", "Copy the bundle with what its links lead to")
        }
        file
    } catch (error: IOException) {
        throw BundleException("$name/${shortened(path)} cannot be read: ${error.message}", ANEW, error)
    }

    private fun <T> reading(path: String, read: (File) -> T): T = try {
        read(there(path))
    } catch (error: IOException) {
        throw BundleException("$name/$path cannot be read: ${error.message}", ANEW, error)
    }
}

/**
 * A NAME.edgecv.zip, read in place: the files at its top, or in one folder there.
 *
 * @throws BundleException it is no .zip, or one that is damaged or would harm.
 */
public class ZipSource(file: File) : BundleSource {
    override val name: String = file.name
    private val zip: ZipFile = reading { ZipFile(file) }
    private val top: String

    init {
        try {
            if (zip.size() > MAX_ENTRIES) {
                throw BundleException("$name holds ${zip.size()} files, a bundle has at most $MAX_ENTRIES", "Do not use it")
            }
            val entries = zip.entries().toList()
            val twice = entries.groupingBy { it.name }.eachCount().entries.firstOrNull { it.value > 1 }
            if (twice != null) throw BundleException("$name holds ${shortened(twice.key)} twice", "Do not use it")
            entries.forEach { inside(it.name.removeSuffix("/")) }
            checkPacking(entries, file.length())
            val folders = entries.map { it.name.substringBefore('/', "") }.distinct()
            top = folders.singleOrNull()?.takeIf { it.isNotEmpty() }?.plus("/") ?: ""
        } catch (error: BundleException) {
            zip.close()
            throw error
        }
    }

    override fun exists(path: String): Boolean = zip.getEntry(top + path)?.isDirectory == false

    override fun size(path: String): Long = entry(path).size

    override fun open(path: String): InputStream = reading { zip.getInputStream(entry(path)) }

    override fun map(path: String): ByteBuffer {
        val bytes = open(path).use { readAll(it, path, size(path)) }
        val buffer = ByteBuffer.allocateDirect(bytes.size)
        buffer.put(bytes)
        buffer.moveTo(0)
        return buffer
    }

    override fun close() {
        zip.close()
    }

    private fun entry(path: String): ZipEntry =
        zip.getEntry(top + path) ?: throw BundleException("$name/$path is missing", ANEW)

    private fun checkPacking(entries: List<ZipEntry>, packed: Long) {
        if (entries.any { it.method != ZipEntry.STORED && it.method != ZipEntry.DEFLATED }) {
            throw BundleException("$name is packed with neither store nor deflate", "Pack it anew with an ordinary zip tool")
        }
        val total = entries.fold(0L) { sum, entry -> sum + maxOf(entry.size, 0L) }
        if (total > minOf(MAX_UNPACKED, FREE + MAX_RATIO * packed)) {
            throw BundleException("$name unpacks to ${total / 1_000_000} MB, which no bundle does", "Do not use it")
        }
    }

    private fun <T> reading(read: () -> T): T = try {
        read()
    } catch (error: IOException) {
        throw BundleException("$name is not a readable .zip: ${error.message}", ANEW, error)
    }

    private companion object {
        const val MAX_UNPACKED = 8L shl 30 // bytes; no edge model comes near
        const val FREE = 64L shl 20 // bytes that a bundle may unpack to, however small it is packed
        const val MAX_RATIO = 50L // unpacked over packed, above that: weights do not compress like that, bombs do
        const val MAX_ENTRIES = 4096
    }
}
