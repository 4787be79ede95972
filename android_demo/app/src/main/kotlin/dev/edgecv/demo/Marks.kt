package dev.edgecv.demo

import dev.edgecv.Answer
import dev.edgecv.BoxesAnswer
import dev.edgecv.MaskAnswer
import dev.edgecv.PictureAnswer
import dev.edgecv.PointsAnswer

private val BACKGROUNDS = setOf("background", "bg", "none", "no", "unlabeled", "void") // names of what is nothing

/** A box with a line of text, in the pixels of the picture. */
data class BoxMark(val left: Float, val top: Float, val right: Float, val bottom: Float, val color: Int, val text: String)

/** A line between two points, in the pixels of the picture. */
data class LineMark(val x1: Float, val y1: Float, val x2: Float, val y2: Float, val color: Int)

/** A point, in the pixels of the picture. */
data class DotMark(val x: Float, val y: Float, val color: Int)

/** Pixels as 0xAARRGGBB, row by row. */
class Layer(val width: Int, val height: Int, val pixels: IntArray)

/**
 * All that is drawn of answers over a picture, the first of each list on top.
 *
 * @property width of the picture, upright.
 * @property height of the picture, upright.
 * @property masks lie over all of the picture.
 * @property made are pictures that a model makes, shown in a corner.
 */
class Marks(
    val width: Int,
    val height: Int,
    val boxes: List<BoxMark> = emptyList(),
    val lines: List<LineMark> = emptyList(),
    val dots: List<DotMark> = emptyList(),
    val masks: List<Layer> = emptyList(),
    val made: List<Layer> = emptyList(),
) {
    companion object {
        private const val LEAST_SCORE = 0.1f // points with a lower one are not drawn

        /** What is drawn of all heads' answers; of labels and numbers nothing, which are text. */
        fun of(answers: List<Answer>, width: Int, height: Int): Marks = Marks(
            width = width,
            height = height,
            boxes = answers.filterIsInstance<BoxesAnswer>().flatMap(::boxes),
            lines = answers.filterIsInstance<PointsAnswer>().flatMap(::lines),
            dots = answers.filterIsInstance<PointsAnswer>().flatMap(::dots),
            masks = answers.filterIsInstance<MaskAnswer>().map(::mask),
            made = answers.filterIsInstance<PictureAnswer>().map(::picture),
        )

        private fun boxes(answer: BoxesAnswer): List<BoxMark> = answer.boxes.map { box ->
            val text = "${answer.head.label(box.index)} ${Lines.share(box.score)}"
            BoxMark(box.left, box.top, box.right, box.bottom, Palette.colorOf(box.index), text)
        }

        private fun lines(answer: PointsAnswer): List<LineMark> = answer.skeleton.mapIndexedNotNull { number, (first, second) ->
            val (from, to) = answer.points[first] to answer.points[second]
            if (minOf(from.score, to.score) < LEAST_SCORE) null else LineMark(from.x, from.y, to.x, to.y, Palette.colorOf(number))
        }

        private fun dots(answer: PointsAnswer): List<DotMark> = answer.points.mapIndexedNotNull { number, point ->
            if (point.score < LEAST_SCORE) null else DotMark(point.x, point.y, Palette.colorOf(number))
        }

        /** The first class of yes and no, of a head without labels, and where its name says so, is nothing, and is not painted. */
        private fun mask(answer: MaskAnswer): Layer {
            val head = answer.head
            val plain = head.thresholds.isNotEmpty() || head.labels?.first()?.lowercase()?.let { it in BACKGROUNDS } ?: true
            return Layer(
                answer.width,
                answer.height,
                IntArray(answer.mask.size) {
                    val index = answer.mask[it].toInt() and 255
                    if (plain && index == 0) 0 else Palette.overPicture[index]
                },
            )
        }

        private fun picture(answer: PictureAnswer): Layer = Layer(answer.width, answer.height, IntArray(answer.width * answer.height) { pixel ->
            (0 until 3).fold(0xFF) { color, c ->
                val part = answer.pixels[pixel * answer.channels + minOf(c, answer.channels - 1)].toInt() and 255
                (color shl 8) or part
            }
        })
    }
}

/**
 * How an upright picture is shown whole in the middle of a view: what is drawn over it goes the same way.
 *
 * @param mirrored whether left and right are changed, as in the preview of a front camera.
 */
class PictureFit(viewWidth: Int, viewHeight: Int, private val width: Int, height: Int, private val mirrored: Boolean) {
    /** Pixels of the view for one of the picture. */
    val scale: Float = minOf(viewWidth / width.toFloat(), viewHeight / height.toFloat())

    private val left = (viewWidth - scale * width) / 2
    private val top = (viewHeight - scale * height) / 2

    /** Where a place in the picture, in its pixels from the left, is in the view. */
    fun x(place: Float): Float = left + scale * (if (mirrored) width - place else place)

    /** Where a place in the picture, in its pixels from the top, is in the view. */
    fun y(place: Float): Float = top + scale * place
}
