package dev.edgecv

import dev.edgecv.heads.boxes.CORNERS

/** The class of pixels that the model has not seen. */
public const val UNSEEN: Int = 255

/**
 * The boxes that were found in the last picture, best first; [index] is the best one's label. [scores] and the others have room for the
 * most that there may be: the first [count] are the answer.
 */
public class LiveBoxes internal constructor(head: HeadSpec, most: Int) : LiveAnswer(head, FloatArray(most)) {
    /** How many boxes there are. */
    public var count: Int = 0
        private set

    /** Left, top, right and bottom of each box in the picture's pixels. */
    public val boxes: FloatArray = FloatArray(CORNERS * most)

    /** The label of each box. */
    public val indices: IntArray = IntArray(most)

    internal fun clear() {
        count = 0
        index = NONE
    }

    internal fun add(label: Int, score: Float, left: Float, top: Float, right: Float, bottom: Float) {
        val at = CORNERS * count
        boxes[at] = left
        boxes[at + 1] = top
        boxes[at + 2] = right
        boxes[at + 3] = bottom
        indices[count] = label
        scores[count] = score
        if (count++ == 0) index = label
    }

    /** Fill `into` with the numbers of the best boxes; -1 where there are no more. */
    override fun best(into: IntArray) {
        for (place in into.indices) into[place] = if (place < count) place else NONE
    }

    override fun twin(): LiveAnswer = LiveBoxes(head, scores.size).also(::copyInto)

    override fun copyInto(twin: LiveAnswer) {
        super.copyInto(twin)
        val other = twin as LiveBoxes
        other.count = count
        boxes.copyInto(other.boxes)
        indices.copyInto(other.indices)
    }

    override fun answer(): BoxesAnswer = BoxesAnswer(
        head,
        List(count) { Box(indices[it], scores[it], boxes[4 * it], boxes[4 * it + 1], boxes[4 * it + 2], boxes[4 * it + 3]) },
    )
}

/** A class for each pixel of the last picture; [scores] are the shares of the pixels that the model has seen. */
public class LiveMask internal constructor(head: HeadSpec, classes: Int) : LiveAnswer(head, FloatArray(classes)) {
    /** Of the picture, in pixels. */
    public var height: Int = 0
        private set

    /** Of the picture, in pixels. */
    public var width: Int = 0
        private set

    /** The class of each pixel, row by row; [UNSEEN] (as a byte) where the model has not seen the picture. */
    public var mask: ByteArray = ByteArray(0)
        private set

    internal fun resize(height: Int, width: Int) {
        this.height = height
        this.width = width
        if (mask.size != height * width) mask = ByteArray(height * width)
    }

    override fun twin(): LiveAnswer = LiveMask(head, scores.size).also(::copyInto)

    override fun copyInto(twin: LiveAnswer) {
        super.copyInto(twin)
        val other = twin as LiveMask
        other.resize(height, width)
        mask.copyInto(other.mask)
    }

    override fun answer(): MaskAnswer = MaskAnswer(head, scores.copyOf(), height, width, mask.copyOf())
}

/** The points that were found in the last picture, in the order of the head's labels; [scores] are theirs, 1 where the model has none. */
public class LivePoints internal constructor(head: HeadSpec, count: Int) : LiveAnswer(head, FloatArray(count)) {
    /** x and y of each point in the picture's pixels; it may be outside. */
    public val points: FloatArray = FloatArray(2 * count)

    override fun twin(): LiveAnswer = LivePoints(head, scores.size).also(::copyInto)

    override fun copyInto(twin: LiveAnswer) {
        super.copyInto(twin)
        points.copyInto((twin as LivePoints).points)
    }

    override fun answer(): PointsAnswer =
        PointsAnswer(head, List(scores.size) { Point(points[2 * it], points[2 * it + 1], scores[it]) })
}

/** The picture that the model made of the last one; it has no scores. */
public class LivePicture internal constructor(head: HeadSpec, public val channels: Int) : LiveAnswer(head, FloatArray(0)) {
    /** Of the picture that was made, in pixels. */
    public var height: Int = 0
        private set

    /** Of the picture that was made, in pixels. */
    public var width: Int = 0
        private set

    /** The bytes of each pixel's channels, row by row. */
    public var pixels: ByteArray = ByteArray(0)
        private set

    internal fun resize(height: Int, width: Int) {
        this.height = height
        this.width = width
        if (pixels.size != height * width * channels) pixels = ByteArray(height * width * channels)
    }

    override fun twin(): LiveAnswer = LivePicture(head, channels).also(::copyInto)

    override fun copyInto(twin: LiveAnswer) {
        super.copyInto(twin)
        val other = twin as LivePicture
        other.resize(height, width)
        pixels.copyInto(other.pixels)
    }

    override fun answer(): PictureAnswer = PictureAnswer(head, height, width, channels, pixels.copyOf())
}
