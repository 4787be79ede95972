package dev.edgecv.android

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.ImageFormat
import android.media.Image
import dev.edgecv.ArgbFrame
import dev.edgecv.InputException
import dev.edgecv.Orientation
import dev.edgecv.YuvFrame

/**
 * Take in a camera's frame; the image can be closed at once.
 *
 * @param rotation degrees clockwise until it is upright: 0, 90, 180 or 270.
 * @throws InputException the image is not YUV_420_888.
 */
public fun YuvFrame.set(image: Image, rotation: Int): YuvFrame {
    if (image.format != ImageFormat.YUV_420_888) throw InputException("the image has the format ${image.format}, not YUV_420_888")
    val (y, u, v) = image.planes
    return set(
        y = y.buffer,
        u = u.buffer,
        v = v.buffer,
        width = image.width,
        height = image.height,
        yRowStride = y.rowStride,
        uvRowStride = u.rowStride,
        uvPixelStride = u.pixelStride,
        yPixelStride = y.pixelStride,
        rotation = rotation,
    )
}

/** Take in a bitmap's pixels; [orientation] as EXIF numbers it. */
public fun ArgbFrame.set(bitmap: Bitmap, orientation: Int = Orientation.UPRIGHT): ArgbFrame {
    val pixels = IntArray(bitmap.width * bitmap.height)
    bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
    return set(pixels, bitmap.width, bitmap.height, orientation)
}

/**
 * An encoded picture's pixels, as Android decodes it; of a PNG they are exact.
 *
 * @param reduce each side divided by this, a power of two: for pictures that would not fit into memory.
 * @throws InputException it is no picture that Android knows.
 */
public fun decodePicture(bytes: ByteArray, reduce: Int = 1): Bitmap {
    val options = BitmapFactory.Options().apply {
        inPreferredConfig = Bitmap.Config.ARGB_8888
        inPremultiplied = false // else colours under alpha are rounded away
        inSampleSize = reduce
    }
    return BitmapFactory.decodeByteArray(bytes, 0, bytes.size, options)
        ?: throw InputException("this is no picture that Android can decode", "Choose a JPEG, PNG or WebP file")
}
