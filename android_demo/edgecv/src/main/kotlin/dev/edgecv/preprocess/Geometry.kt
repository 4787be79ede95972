package dev.edgecv.preprocess

import dev.edgecv.Fit
import dev.edgecv.FitMode
import dev.edgecv.InputException
import dev.edgecv.Preprocess
import kotlin.math.floor

private const val MAX_SCALED = 1L shl 28 // pixels; a thread-thin picture scaled by its short side would not fit in memory

/**
 * One axis of a fit, in pixels.
 *
 * @property first where the part of the picture begins that is scaled.
 * @property taken how long that part is.
 * @property scaled how long it becomes.
 * @property skipped where the used part of the scaled one begins.
 * @property shown how long that is.
 * @property at where it comes in the input.
 * @property size the input's own length.
 */
internal class Axis(
    val first: Int,
    val taken: Int,
    val scaled: Int,
    val skipped: Int,
    val shown: Int,
    val at: Int,
    val size: Int,
) {
    /** Whether every place of the input is the same place in the picture. */
    val unchanged: Boolean get() = taken == scaled && first + skipped == at

    /** Where a place in the input, in its pixels, is in the picture, in the picture's. */
    fun back(place: Double): Double = (place + (skipped - at)) * taken / scaled + first

    /** Where a place in the picture is in the input: the other direction of [back]. */
    fun ahead(place: Double): Double = (place - first) * scaled / taken - (skipped - at)
}

/** Which part of a picture comes where in the input. */
internal data class Placement(val down: Axis, val across: Axis) {
    /** Nothing is scaled. */
    val unscaled: Boolean = down.taken == down.scaled && across.taken == across.scaled

    /** Nothing is padded. */
    val whole: Boolean = down.shown == down.size && across.shown == across.size

    companion object {
        /** That of a picture which is the input itself. */
        fun whole(height: Int, width: Int): Placement = Placement(wholeAxis(height, height), wholeAxis(width, width))
    }
}

/** @throws InputException the picture is so thin that its scaled form does not fit in memory. */
internal fun place(spec: Preprocess, height: Int, width: Int): Placement {
    val (tall, wide) = spec.size ?: listOf(0, 0)
    return when (spec.fit.mode) {
        FitMode.STRETCH -> Placement(wholeAxis(height, tall), wholeAxis(width, wide))
        FitMode.CROP -> crop(spec.fit, height, width, tall, wide)
        FitMode.RESIZE_CROP -> resizeCrop(spec.fit, height, width, tall, wide)
        FitMode.LETTERBOX -> letterbox(height, width, tall, wide)
    }
}

private fun wholeAxis(have: Int, size: Int) = Axis(0, have, size, 0, size, 0, size)

private fun crop(fit: Fit, height: Int, width: Int, tall: Int, wide: Int): Placement {
    val side = maxOf(1, floor(minOf(height, width) * (fit.fraction ?: 1.0) + 0.5).toInt())
    return Placement(
        Axis((height - side) / 2, side, tall, 0, tall, 0, tall),
        Axis((width - side) / 2, side, wide, 0, wide, 0, wide),
    )
}

/** Torchvision's `Resize(shorter)` and `CenterCrop(size)`: the long side truncated, the offset rounded half to even. */
private fun resizeCrop(fit: Fit, height: Int, width: Int, tall: Int, wide: Int): Placement {
    val shorter = fit.shorter ?: minOf(tall, wide)
    val scaled = (shorter.toLong() * maxOf(height, width)).toDouble() / minOf(height, width)
    if (shorter * scaled > MAX_SCALED) {
        throw InputException("the picture of $width x $height pixels is too thin for fit.mode = 'resize_crop'")
    }
    val longer = scaled.toInt()
    return if (width <= height) {
        Placement(centreCrop(height, longer, tall), centreCrop(width, shorter, wide))
    } else {
        Placement(centreCrop(height, shorter, tall), centreCrop(width, longer, wide))
    }
}

private fun centreCrop(have: Int, scaled: Int, size: Int): Axis =
    if (scaled < size) {
        Axis(0, have, scaled, 0, scaled, (size - scaled) / 2, size)
    } else {
        Axis(0, have, scaled, Math.rint((scaled - size) / 2.0).toInt(), size, 0, size)
    }

/** The largest size of the same shape that fits, rounded half up in integer arithmetic, at least one pixel. */
private fun letterbox(height: Int, width: Int, tall: Int, wide: Int): Placement {
    val h = height.toLong()
    val w = width.toLong()
    val bound = wide * h <= tall * w
    val innerTall = if (bound) maxOf(1L, (2 * h * wide + w) / (2 * w)).toInt() else tall
    val innerWide = if (bound) wide else maxOf(1L, (2 * w * tall + h) / (2 * h)).toInt()
    return Placement(
        Axis(0, height, innerTall, 0, innerTall, (tall - innerTall) / 2, tall),
        Axis(0, width, innerWide, 0, innerWide, (wide - innerWide) / 2, wide),
    )
}
