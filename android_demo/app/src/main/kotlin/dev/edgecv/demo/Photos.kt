package dev.edgecv.demo

import android.content.ContentResolver
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import android.os.Build
import android.provider.MediaStore
import dev.edgecv.ArgbFrame
import dev.edgecv.InputException
import dev.edgecv.Orientation
import dev.edgecv.OrientationRule
import dev.edgecv.android.decodePicture
import dev.edgecv.android.set
import java.io.ByteArrayInputStream
import java.io.IOException

/** What asks the system for one photo, the first that it has: since Android 13 its picker, which needs no permission. */
fun photoPickers(): List<Intent> = listOfNotNull(
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) Intent(MediaStore.ACTION_PICK_IMAGES) else null,
    Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE),
)

/**
 * A photo, encoded.
 *
 * @property orientation as EXIF numbers it.
 * @property reduce each side is divided by this in decoding, for the sake of memory; 1 is as it is.
 */
class Photo(private val bytes: ByteArray, val orientation: Int, private val width: Int, private val height: Int) {
    val reduce: Int = reductionFor(width, height, MOST_PIXELS)

    /** "4000 x 3000", and what it was reduced to. */
    val size: String
        get() = "$width x $height" + if (reduce == 1) "" else ", read at 1/$reduce of its width and height to fit into memory"

    /** What a model sees; files that say they are turned are so only where its preprocessing minds. */
    fun frame(rule: OrientationRule): ArgbFrame = ArgbFrame().set(
        decodePicture(bytes, reduce),
        if (rule == OrientationRule.EXIF) orientation else Orientation.UPRIGHT,
    )

    /** What a person sees: turned as what the model sees, and no larger than a screen. */
    fun picture(rule: OrientationRule): Bitmap? {
        val options = BitmapFactory.Options().apply { inSampleSize = reductionFor(width, height, SCREEN_PIXELS) }
        val small = BitmapFactory.decodeByteArray(bytes, 0, bytes.size, options) ?: return null
        if (rule == OrientationRule.IGNORE) return small
        return Bitmap.createBitmap(small, 0, 0, small.width, small.height, uprightMatrix(), false)
    }

    private fun uprightMatrix(): Matrix = Matrix().apply {
        if (orientation in setOf(2, 4, 5, 7)) postScale(-1f, 1f)
        postRotate(
            when (orientation) {
                3, 4 -> 180f
                6, 7 -> 90f
                5, 8 -> 270f
                else -> 0f
            },
        )
    }

    companion object {
        private const val MOST_PIXELS = 13_000_000L
        private const val SCREEN_PIXELS = 2_000_000L

        /**
         * Read what a person chose.
         *
         * @throws InputException it cannot be read, or is no picture.
         */
        fun read(resolver: ContentResolver, uri: Uri): Photo {
            val bytes = try {
                resolver.openInputStream(uri)?.use { it.readBytes() }
            } catch (error: IOException) {
                throw InputException("the photo cannot be read: ${error.message}", "Choose another one")
            } catch (error: SecurityException) {
                throw InputException("the photo may not be read any more", "Choose it again")
            } ?: throw InputException("the photo cannot be read", "Choose another one")
            val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
            BitmapFactory.decodeByteArray(bytes, 0, bytes.size, size)
            if (size.outWidth < 1) throw InputException("this is no picture that Android can decode", "Choose another one")
            return Photo(bytes, orientationOf(bytes), size.outWidth, size.outHeight)
        }

        private fun orientationOf(bytes: ByteArray): Int = try {
            val said = ExifInterface(ByteArrayInputStream(bytes)).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1)
            if (said in 1..8) said else Orientation.UPRIGHT
        } catch (_: IOException) { // a format without EXIF
            Orientation.UPRIGHT
        }
    }
}
