package dev.edgecv

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

private const val HEX = "0123456789abcdef"

internal fun hex(bytes: ByteArray): String = buildString(2 * bytes.size) {
    for (byte in bytes) append(HEX[byte.toInt() shr 4 and 15]).append(HEX[byte.toInt() and 15])
}

/**
 * Set the position. Through `Buffer`, because Android before 9 knows these methods there only: compiled against newer classes a call on
 * a `ByteBuffer` would ask for one that returns a `ByteBuffer`.
 */
internal fun Buffer.moveTo(position: Int) {
    position(position)
}

/** Of a whole buffer, whatever its position. */
internal fun sha256(buffer: ByteBuffer): String {
    val whole = buffer.duplicate()
    whole.moveTo(0)
    val digest = MessageDigest.getInstance("SHA-256")
    digest.update(whole)
    return hex(digest.digest())
}

/** Little-endian float32. */
internal fun floatsOf(bytes: ByteArray): FloatArray {
    val floats = FloatArray(bytes.size / 4)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats)
    return floats
}
