package dev.edgecv.demo

import java.io.File
import java.io.IOException

/** The file of that name directly in [folder]; null where the name leaves it or there is no such file. */
fun sharedFile(folder: File, name: String?): File? =
    name?.let { File(folder, it) }?.takeIf { it.parentFile == folder && it.canonicalFile.parentFile == folder.canonicalFile && it.isFile }

/**
 * Write a file beside its place and rename it: what is there is whole.
 *
 * @throws IOException it cannot be written.
 */
fun writeWhole(file: File, bytes: ByteArray) {
    val part = File(file.path + ".part")
    try {
        part.writeBytes(bytes)
        if (!part.renameTo(file)) throw IOException("${part.name} cannot be renamed to ${file.name}")
    } finally {
        part.delete()
    }
}
