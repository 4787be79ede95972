package dev.edgecv.android

import android.content.res.AssetManager
import dev.edgecv.BundleException
import dev.edgecv.BundleSource
import java.io.FileInputStream
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.Channels
import java.nio.channels.FileChannel

/**
 * A bundle in an app's assets: the folder [name] that `edgecv export android` puts there.
 *
 * Models are mapped where the APK stores them uncompressed (`noCompress`), and read into memory where it does not.
 */
public class AssetSource(private val assets: AssetManager, override val name: String) : BundleSource {
    override fun exists(path: String): Boolean = try {
        assets.open("$name/$path").close()
        true
    } catch (_: FileNotFoundException) {
        false
    }

    override fun size(path: String): Long = try {
        assets.openFd("$name/$path").use { it.declaredLength }
    } catch (_: IOException) { // compressed: only reading tells
        open(path).use { stream -> generateSequence { stream.read(ByteArray(CHUNK)).takeIf { it >= 0 } }.sumOf { it.toLong() } }
    }

    override fun open(path: String): InputStream = reading(path) { assets.open("$name/$path") }

    override fun map(path: String): ByteBuffer = try {
        assets.openFd("$name/$path").use { file ->
            FileInputStream(file.fileDescriptor).channel.use {
                it.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            }
        }
    } catch (_: IOException) {
        read(path)
    }

    private fun read(path: String): ByteBuffer = reading(path) {
        val buffer = ByteBuffer.allocateDirect(Math.toIntExact(size(path))).order(ByteOrder.nativeOrder())
        Channels.newChannel(assets.open("$name/$path")).use { while (buffer.hasRemaining() && it.read(buffer) >= 0) continue }
        buffer.flip()
        buffer
    }

    private fun <T> reading(path: String, action: () -> T): T = try {
        action()
    } catch (error: FileNotFoundException) {
        throw BundleException("$path is missing in $name", "Export the bundle again with edgecv export android", error)
    } catch (error: IOException) {
        throw BundleException("$path in $name cannot be read: ${error.message}", "Install the app again", error)
    }

    public companion object {
        private const val CHUNK = 1 shl 16
        private const val SUFFIX = ".edgecv"

        /** The bundles among the assets, by name. */
        public fun names(assets: AssetManager): List<String> =
            assets.list("").orEmpty().filter { it.endsWith(SUFFIX) }.sorted()
    }
}
