package dev.edgecv

import java.nio.ByteBuffer

/** A picture on its way into a model. Frames are made once and filled again and again; fill and use them on one thread. */
public sealed class Frame {
    /** Pixels a row, as stored. */
    public var width: Int = 0
        protected set

    /** Rows, as stored. */
    public var height: Int = 0
        protected set

    /** How it is stored, as EXIF numbers it (1 to 8); see [Orientation]. */
    public var orientation: Int = Orientation.UPRIGHT
        protected set

    internal fun describe(width: Int, height: Int, orientation: Int) {
        if (width < 1 || height < 1) throw InputException("a picture must have at least one pixel, got $width x $height")
        if (orientation !in 1..8) throw InputException("an orientation must be 1 to 8, got $orientation", "As EXIF numbers them")
        this.width = width
        this.height = height
        this.orientation = orientation
    }
}

/** EXIF's orientations, as far as cameras need them. */
public object Orientation {
    /** Stored upright. */
    public const val UPRIGHT: Int = 1

    /**
     * Of a frame that must be turned clockwise by so many degrees to be upright, as Android's cameras say it.
     *
     * @throws InputException it is none of 0, 90, 180, 270.
     */
    public fun ofRotation(degrees: Int): Int = when (degrees) {
        0 -> UPRIGHT
        90 -> 6
        180 -> 3
        270 -> 8
        else -> throw InputException("a rotation must be 0, 90, 180 or 270 degrees, got $degrees")
    }
}

/** Pixels as Android's `Bitmap.getPixels` gives them: 0xAARRGGBB, row by row. Alpha is dropped. */
public class ArgbFrame : Frame() {
    internal var pixels: IntArray = IntArray(0)
        private set

    /**
     * Use these pixels; they are not copied.
     *
     * @throws InputException there are fewer than width * height, or the orientation is none.
     */
    public fun set(pixels: IntArray, width: Int, height: Int, orientation: Int = Orientation.UPRIGHT): ArgbFrame {
        describe(width, height, orientation)
        if (pixels.size.toLong() < width.toLong() * height) {
            throw InputException("$width x $height pixels were said, ${pixels.size} were given")
        }
        this.pixels = pixels
        return this
    }
}

/** Bytes R, G, B (or one gray byte) a pixel, row by row. */
public class RgbFrame : Frame() {
    internal var bytes: ByteArray = ByteArray(0)
        private set

    /** 3, or 1 for gray. */
    public var channels: Int = 3
        private set

    /**
     * Use these bytes; they are not copied.
     *
     * @throws InputException there are too few, or channels are neither 1 nor 3, or the orientation is none.
     */
    public fun set(
        bytes: ByteArray,
        width: Int,
        height: Int,
        channels: Int = 3,
        orientation: Int = Orientation.UPRIGHT,
    ): RgbFrame {
        describe(width, height, orientation)
        if (channels != 1 && channels != 3) throw InputException("a picture must have 1 or 3 channels, got $channels")
        if (bytes.size.toLong() < width.toLong() * height * channels) {
            throw InputException("$width x $height x $channels bytes were said, ${bytes.size} were given")
        }
        this.bytes = bytes
        this.channels = channels
        return this
    }
}

/**
 * A camera's YUV_420_888: BT.601 with the full range 0..255, as Android's cameras give it (docs/preprocessing.md).
 *
 * [set] copies the planes, which is a few memory copies; so the camera's image can be closed at once.
 */
public class YuvFrame : Frame() {
    internal var y: ByteArray = ByteArray(0)
        private set
    internal var u: ByteArray = ByteArray(0)
        private set
    internal var v: ByteArray = ByteArray(0)
        private set
    internal var yRowStride: Int = 0
        private set
    internal var yPixelStride: Int = 0
        private set
    internal var uvRowStride: Int = 0
        private set
    internal var uvPixelStride: Int = 0
        private set

    /**
     * Take in the planes of `android.media.Image`: the bytes from each buffer's position to its limit, and the strides in bytes.
     *
     * @param rotation degrees clockwise until it is upright: 0, 90, 180 or 270.
     * @throws InputException a plane is too short for these strides.
     */
    public fun set(
        y: ByteBuffer,
        u: ByteBuffer,
        v: ByteBuffer,
        width: Int,
        height: Int,
        yRowStride: Int,
        uvRowStride: Int,
        uvPixelStride: Int,
        yPixelStride: Int = 1,
        rotation: Int = 0,
    ): YuvFrame {
        describe(width, height, Orientation.ofRotation(rotation))
        val acrossUv = (width + 1) / 2
        val downUv = (height + 1) / 2
        need("y", y.remaining(), end(width, height, yRowStride, yPixelStride))
        need("u", u.remaining(), end(acrossUv, downUv, uvRowStride, uvPixelStride))
        need("v", v.remaining(), end(acrossUv, downUv, uvRowStride, uvPixelStride))
        this.y = copied(y, this.y)
        this.u = copied(u, this.u)
        this.v = copied(v, this.v)
        this.yRowStride = yRowStride
        this.yPixelStride = yPixelStride
        this.uvRowStride = uvRowStride
        this.uvPixelStride = uvPixelStride
        return this
    }

    private fun end(width: Int, height: Int, rowStride: Int, pixelStride: Int): Long {
        if (rowStride < 1 || pixelStride < 1) throw InputException("strides must be at least 1, got $rowStride and $pixelStride")
        return (height - 1L) * rowStride + (width - 1L) * pixelStride + 1
    }

    private fun need(plane: String, have: Int, want: Long) {
        if (have < want) throw InputException("the plane $plane has $have bytes, its strides need $want")
    }

    private fun copied(from: ByteBuffer, into: ByteArray): ByteArray {
        val size = from.remaining()
        val bytes = if (into.size >= size) into else ByteArray(size)
        val start = from.position()
        from.get(bytes, 0, size)
        from.moveTo(start)
        return bytes
    }
}
