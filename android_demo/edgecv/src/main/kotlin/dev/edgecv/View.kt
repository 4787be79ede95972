package dev.edgecv

import dev.edgecv.preprocess.Placement

/**
 * The way from a model's input back to the picture that was fitted into it. Pixels count to the right and down; the first one reaches
 * from 0 to 1.
 *
 * @property height of the picture, upright, in pixels.
 * @property width of the picture, upright, in pixels.
 */
public class View internal constructor(public val height: Int, public val width: Int, internal val placement: Placement) {
    /** Whether every place of the input is the same place in the picture. */
    internal val unchanged: Boolean = placement.down.unchanged && placement.across.unchanged

    /** Where a place in the input, in its pixels from the left, is in the picture; it may be outside. */
    public fun x(input: Double): Double = if (unchanged) input else placement.across.back(input)

    /** Where a place in the input, in its pixels from the top, is in the picture; it may be outside. */
    public fun y(input: Double): Double = if (unchanged) input else placement.down.back(input)

    internal companion object {
        /** The view of a picture that is the input itself. */
        fun whole(height: Int, width: Int): View = View(height, width, Placement.whole(height, width))
    }
}
