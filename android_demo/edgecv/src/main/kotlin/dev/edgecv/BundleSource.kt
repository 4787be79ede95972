package dev.edgecv

import java.io.InputStream
import java.nio.ByteBuffer

/**
 * The place where the files of a bundle lie. Paths are relative to the bundle, with `/`; the bundle has checked that none leaves it.
 *
 * An app adds one for its assets; [DirectorySource] and [ZipSource] are here.
 */
public interface BundleSource : AutoCloseable {
    /** The name that messages call the bundle, such as its file name. */
    public val name: String

    /** Says whether the bundle has a file of that path. */
    public fun exists(path: String): Boolean

    /**
     * The bytes of a file.
     *
     * @throws BundleException there is no such file.
     */
    public fun size(path: String): Long

    /**
     * A file from its beginning; the caller closes it.
     *
     * @throws BundleException there is no such file, or it cannot be read.
     */
    public fun open(path: String): InputStream

    /**
     * A whole file as a direct buffer, mapped where the source can.
     *
     * @throws BundleException there is no such file, or it cannot be read.
     */
    public fun map(path: String): ByteBuffer

    override fun close() {}
}
