package dev.edgecv

/** A box in a picture: the index of its label, its score, and its sides in the picture's pixels. */
public data class Box(
    val index: Int,
    val score: Float,
    val left: Float,
    val top: Float,
    val right: Float,
    val bottom: Float,
)

/** The boxes that were found in a picture, best first; `label`, `index` and `score` are the best one's, or null. */
public class BoxesAnswer(head: HeadSpec, public val boxes: List<Box>) :
    Answer(head, boxes.firstOrNull()?.index, FloatArray(boxes.size) { boxes[it].score }) {
    override val score: Float? get() = boxes.firstOrNull()?.score

    override fun at(index: Int): Top = boxes[index].let { Top(head.label(it.index), it.index, it.score) }
}

/**
 * A class for each pixel of a picture; `scores` are the shares of the pixels that the model has seen.
 *
 * @property mask the class of each pixel, row by row; [UNSEEN] (as a byte) where the model has not seen the picture.
 */
public class MaskAnswer(
    head: HeadSpec,
    shares: FloatArray,
    public val height: Int,
    public val width: Int,
    public val mask: ByteArray,
) : Answer(head, null, shares) {
    /** The class of one pixel, or [UNSEEN]. */
    public operator fun get(x: Int, y: Int): Int = mask[y * width + x].toInt() and 255
}

/** A point in a picture: its place in the picture's pixels, which may be outside, and its score. */
public data class Point(val x: Float, val y: Float, val score: Float)

/** The points that were found in a picture, in the order of the head's labels. */
public class PointsAnswer(head: HeadSpec, public val points: List<Point>) :
    Answer(head, null, FloatArray(points.size) { points[it].score }) {
    /** The pairs of points between which lines are drawn. */
    public val skeleton: List<List<Int>> get() = (head.decode as? PointDecoder)?.skeleton.orEmpty()
}

/**
 * A picture that the model makes.
 *
 * @property pixels the bytes of each pixel's channels, row by row.
 */
public class PictureAnswer(
    head: HeadSpec,
    public val height: Int,
    public val width: Int,
    public val channels: Int,
    public val pixels: ByteArray,
) : Answer(head, null, FloatArray(0))
