package dev.edgecv.demo

import kotlin.math.abs
import kotlin.math.min

/**
 * The clockwise degrees (0, 90, 180, 270) that turn a camera's frame upright on the screen.
 *
 * [sensor] is `CameraCharacteristics.SENSOR_ORIENTATION`, [display] the display's rotation in degrees. A front camera
 * looks the other way, so the display counts the other way (as in ML Kit's guide and CameraX's `getRelativeImageRotation`).
 */
fun uprightRotation(sensor: Int, display: Int, front: Boolean): Int =
    (if (front) sensor + display else sensor - display + 360) % 360

/** Scale, then turn, then zoom, all about the middle of the view. */
data class PreviewFit(val scaleX: Float, val scaleY: Float, val degrees: Float, val zoom: Float)

/**
 * How a `TextureView` of [viewWidth] x [viewHeight] shows a camera's frames whole, upright and undistorted.
 *
 * The view stretches what the camera draws over itself; frames come turned for the device's natural orientation, so
 * that width and height change places where [sensor] is 90 or 270, whatever the [display]'s rotation.
 */
fun fitPreview(viewWidth: Int, viewHeight: Int, frame: Size, sensor: Int, display: Int): PreviewFit {
    val content = if (sensor % 180 == 0) frame else Size(frame.height, frame.width)
    val shown = if (display % 180 == 0) content else Size(content.height, content.width)
    return PreviewFit(
        scaleX = content.width / viewWidth.toFloat(),
        scaleY = content.height / viewHeight.toFloat(),
        degrees = (-display).toFloat(),
        zoom = min(viewWidth / shown.width.toFloat(), viewHeight / shown.height.toFloat()),
    )
}

/** Pixels. */
data class Size(val width: Int, val height: Int) {
    val area: Long get() = width.toLong() * height
}

/** What live frames are like: enough for any classifier, and little to copy. */
val WANTED_FRAME: Size = Size(640, 480)

/** Of what a camera offers: no smaller than [WANTED_FRAME] and nearest to it, or the largest there is; null of nothing. */
fun chooseFrame(offered: List<Size>): Size? {
    val enough = offered.filter { it.width >= WANTED_FRAME.width && it.height >= WANTED_FRAME.height }
    return enough.minByOrNull { abs(it.area - WANTED_FRAME.area) } ?: offered.maxByOrNull { it.area }
}

/** The least power of two by which both sides must be divided for no more than [most] pixels. */
fun reductionFor(width: Int, height: Int, most: Long): Int {
    var reduce = 1
    while (width.toLong() * height / (reduce.toLong() * reduce) > most) reduce *= 2
    return reduce
}
