package dev.edgecv.preprocess

import dev.edgecv.ArgbFrame
import dev.edgecv.Color
import dev.edgecv.Frame
import dev.edgecv.RgbFrame
import dev.edgecv.YuvFrame

/** How a frame lies in memory; one plan serves all frames of one form. */
internal class Form(frame: Frame, ignoreExif: Boolean) {
    private val kind = frame.javaClass
    private val width = frame.width
    private val height = frame.height
    private val channels = (frame as? RgbFrame)?.channels ?: 0
    private val orientation = orientationOf(frame, ignoreExif)
    private val turned = orientation >= 5
    private val flippedX = orientation in intArrayOf(2, 3, 6, 7)
    private val flippedY = orientation in intArrayOf(3, 4, 7, 8)
    private val strides = stridesOf(frame)

    val uprightWidth: Int = if (turned) height else width
    val uprightHeight: Int = if (turned) width else height

    fun fits(frame: Frame, ignoreExif: Boolean): Boolean = frame.javaClass == kind && frame.width == width &&
        frame.height == height && orientationOf(frame, ignoreExif) == orientation && sameMemory(frame)

    /** What columns of the upright picture add to an address in the plane. */
    fun columns(positions: IntArray, plane: Int): IntArray = IntArray(positions.size) {
        address(positions[it], uprightWidth, flippedX, plane, alongRow = !turned)
    }

    /** What a row of the upright picture adds to an address in the plane. */
    fun row(y: Int, plane: Int): Int = address(y, uprightHeight, flippedY, plane, alongRow = turned)

    private fun address(at: Int, extent: Int, flipped: Boolean, plane: Int, alongRow: Boolean): Int {
        val stored = if (flipped) extent - 1 - at else at
        return (stored shr plane) * strides[2 * plane + if (alongRow) 1 else 0]
    }

    private fun sameMemory(frame: Frame): Boolean = when (frame) {
        is ArgbFrame -> true
        is RgbFrame -> frame.channels == channels
        is YuvFrame -> frame.yRowStride == strides[0] && frame.yPixelStride == strides[1] &&
            frame.uvRowStride == strides[2] && frame.uvPixelStride == strides[3]
    }

    companion object {
        /** The plane of luminance or of all channels; the other is chrominance, with half the rows and columns. */
        const val FULL = 0
        const val HALF = 1

        private fun stridesOf(frame: Frame): IntArray = when (frame) {
            is ArgbFrame -> intArrayOf(frame.width, 1)
            is RgbFrame -> intArrayOf(frame.width * frame.channels, frame.channels)
            is YuvFrame -> intArrayOf(frame.yRowStride, frame.yPixelStride, frame.uvRowStride, frame.uvPixelStride)
        }

        /** A camera's rotation is no EXIF block: it always counts. */
        private fun orientationOf(frame: Frame, ignoreExif: Boolean): Int =
            if (ignoreExif && frame !is YuvFrame) 1 else frame.orientation
    }
}

/** Reads some columns of one row of the upright picture, in the channels that the model wants, pixel by pixel. */
internal class Sampler(private val form: Form, frame: Frame, color: Color, columns: IntArray) {
    private val gray = color == Color.GRAY
    private val redAt = if (color == Color.BGR) 2 else 0
    private val blueAt = 2 - redAt
    private val full = form.columns(columns, Form.FULL)
    private val half = if (frame is YuvFrame) form.columns(columns, Form.HALF) else full

    /** How many bytes a row is. */
    val size: Int = columns.size * color.channels

    fun read(frame: Frame, y: Int, into: ByteArray) {
        when (frame) {
            is ArgbFrame -> readArgb(frame.pixels, form.row(y, Form.FULL), into)
            is RgbFrame -> readRgb(frame.bytes, if (frame.channels == 1) 0 else 1, form.row(y, Form.FULL), into)
            is YuvFrame -> readYuv(frame, form.row(y, Form.FULL), form.row(y, Form.HALF), into)
        }
    }

    private fun readArgb(pixels: IntArray, row: Int, into: ByteArray) {
        for (i in full.indices) {
            val pixel = pixels[row + full[i]]
            store(into, i, pixel shr 16 and 255, pixel shr 8 and 255, pixel and 255)
        }
    }

    private fun readRgb(bytes: ByteArray, step: Int, row: Int, into: ByteArray) {
        for (i in full.indices) {
            val at = row + full[i]
            store(into, i, bytes[at].toInt() and 255, bytes[at + step].toInt() and 255, bytes[at + 2 * step].toInt() and 255)
        }
    }

    /** BT.601, full range, in 16-bit fixed point with libjpeg's constants; a pixel takes the chrominance of its block of 2 x 2. */
    private fun readYuv(frame: YuvFrame, row: Int, halfRow: Int, into: ByteArray) {
        val y = frame.y
        val u = frame.u
        val v = frame.v
        for (i in full.indices) {
            val light = ((y[row + full[i]].toInt() and 255) shl 16) + ROUND
            val at = halfRow + half[i]
            val blue = (u[at].toInt() and 255) - 128
            val red = (v[at].toInt() and 255) - 128
            store(
                into,
                i,
                clamp(light + 91881 * red shr 16),
                clamp(light - 22554 * blue - 46802 * red shr 16),
                clamp(light + 116130 * blue shr 16),
            )
        }
    }

    private fun store(into: ByteArray, pixel: Int, red: Int, green: Int, blue: Int) {
        if (gray) {
            into[pixel] = (19595 * red + 38470 * green + 7471 * blue + ROUND shr 16).toByte()
            return
        }
        val at = 3 * pixel
        into[at + redAt] = red.toByte()
        into[at + 1] = green.toByte()
        into[at + blueAt] = blue.toByte()
    }

    private fun clamp(value: Int): Int = maxOf(0, minOf(255, value))

    private companion object {
        const val ROUND = 1 shl 15
    }
}

/** The positions from `first` on, `count` of them. */
internal fun positions(first: Int, count: Int): IntArray = IntArray(count) { first + it }
