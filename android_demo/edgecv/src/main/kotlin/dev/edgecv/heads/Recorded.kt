package dev.edgecv.heads

import kotlin.math.nextDown
import kotlin.math.nextUp

/**
 * What golden cases record of the answer of one head to one sample, as docs/decoding.md says.
 *
 * @property decisions what the head decides; null where it decides nothing.
 * @property shape of the numbers, with a batch of 1.
 * @property dtype float32, or uint8 of masks and pictures.
 */
internal class Recorded private constructor(
    val decisions: List<Int>?,
    val shape: List<Int>,
    val dtype: String,
    private val floats: FloatArray,
    private val bytes: ByteArray,
) {
    /** Says whether all is equal, but for the last bit of a float32: exponentials may be rounded otherwise. */
    fun equals(other: Recorded): Boolean =
        decisions == other.decisions && shape == other.shape && dtype == other.dtype && bytes.contentEquals(other.bytes) &&
            floats.indices.all { isNear(floats[it], other.floats[it]) }

    /** Says whether all is equal to the bit. */
    fun equalsExactly(other: Recorded): Boolean =
        equals(other) && floats.indices.all { floats[it] == other.floats[it] }

    override fun toString(): String = "$decisions $dtype $shape ${floats.take(SHOWN)}${bytes.take(SHOWN)}"

    private fun isNear(one: Float, other: Float): Boolean =
        one == other || one.isNaN() && other.isNaN() || other == one.nextUp() || other == one.nextDown()

    internal companion object {
        private const val SHOWN = 20

        fun of(decisions: List<Int>?, shape: List<Int>, numbers: FloatArray) = Recorded(decisions, shape, "float32", numbers, ByteArray(0))

        fun of(decisions: List<Int>?, shape: List<Int>, pixels: ByteArray) = Recorded(decisions, shape, "uint8", FloatArray(0), pixels)
    }
}
