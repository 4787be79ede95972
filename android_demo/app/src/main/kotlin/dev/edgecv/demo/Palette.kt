package dev.edgecv.demo

import dev.edgecv.UNSEEN
import kotlin.math.min
import kotlin.math.pow

/**
 * Colours for classes that stay apart for people who do not see all colours: those of Python's `edgecv run`.
 *
 * From M. Okabe and K. Ito, Color universal design (2008), without black; ordered so that neighbours differ most.
 */
object Palette {
    const val BLACK: Int = 0xFF000000.toInt()
    private const val OPAQUE = 115 // of 255: how much of a mask's colour covers the picture
    private const val DARKER = 0.75
    private const val MOST_TIMES = 4
    private val colors = intArrayOf(0xE69F00, 0x56B4E9, 0x009E73, 0xF0E442, 0x0072B2, 0xD55E00, 0xCC79A7)

    /** The colour of a class as 0xAARRGGBB: those of the palette, then the same ones darker by a quarter each time. */
    fun colorOf(index: Int): Int {
        val share = DARKER.pow(min(index / colors.size, MOST_TIMES))
        val color = colors[index % colors.size]
        return BLACK or (darker(color shr 16, share) shl 16) or (darker(color shr 8, share) shl 8) or darker(color, share)
    }

    /** The colours of a mask's classes, which the picture shines through; no colour for what the model has not seen. */
    val overPicture: IntArray = IntArray(UNSEEN + 1) {
        if (it == UNSEEN) 0 else (colorOf(it) and 0xFFFFFF) or (OPAQUE shl 24)
    }

    private fun darker(part: Int, share: Double): Int = Math.rint((part and 255) * share).toInt()
}
