package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.Coordinates
import dev.edgecv.Heatmaps
import dev.edgecv.LiveAnswer
import dev.edgecv.LivePoints
import dev.edgecv.PlaceUnit
import dev.edgecv.PointDecoder
import dev.edgecv.PointOrder
import dev.edgecv.Top
import dev.edgecv.View
import kotlin.math.hypot
import kotlin.math.sign

private const val MAP_AXES = 4 // batch, height, width, points
private const val QUARTER = 0.25
private const val NEAR = 0.05 // of the object's longer side; points so near are the same

/** Points of one object, in the pixels of the picture. */
internal class Keypoints(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    private val decoder = form.spec.decode as PointDecoder
    private val count = answerCount(form)
    private val points = (decoder as? Coordinates)?.let { RowReader(listOf(it.points), form, places) }
    private val pointScores = (decoder as? Coordinates)?.scores?.let { RowReader(listOf(it), form, places) }
    private val pair = FloatArray(2)
    private val input = DoubleArray(2 * count) // x and y of each point in the pixels of the model's input

    override val decides: Boolean get() = false

    override fun answer(): LivePoints = LivePoints(spec, count)

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        checkFinite(outputs)
        place(outputs, view, answer as LivePoints)
    }

    private fun place(outputs: List<FloatArray>, view: View?, into: LivePoints) {
        find(outputs, into.scores)
        for (i in 0 until count) {
            val x = input[2 * i]
            val y = input[2 * i + 1]
            into.points[2 * i] = (view?.x(x) ?: x).toFloat()
            into.points[2 * i + 1] = (view?.y(y) ?: y).toFloat()
        }
    }

    /** Fill [input] and `scores`. */
    private fun find(outputs: List<FloatArray>, scores: FloatArray) {
        when (decoder) {
            is Coordinates -> coordinates(decoder, outputs, scores)
            is Heatmaps -> for (map in 0 until count) peak(decoder, outputs[place], map, scores)
        }
        if (decoder is Heatmaps || pointScores != null) activate(scores, activation)
    }

    private fun coordinates(decoder: Coordinates, outputs: List<FloatArray>, scores: FloatArray) {
        val reader = points ?: return
        val relative = decoder.unit == PlaceUnit.RELATIVE
        val swapped = decoder.order == PointOrder.YX
        for (i in 0 until count) {
            reader.read(outputs, i, pair)
            val x = pair[if (swapped) 1 else 0].toDouble()
            val y = pair[if (swapped) 0 else 1].toDouble()
            input[2 * i] = if (relative) x * form.picture.width else x
            input[2 * i + 1] = if (relative) y * form.picture.height else y
            scores[i] = pointScores?.number(outputs, i, 0) ?: 1f
        }
    }

    /** The cell with the largest value of a map, moved by a quarter towards the larger one of its two neighbours. */
    private fun peak(decoder: Heatmaps, values: FloatArray, map: Int, scores: FloatArray) {
        val (_, tall, wide) = form.shapes[0]
        var best = 0
        for (cell in 1 until tall * wide) if (values[cell * count + map] > values[best * count + map]) best = cell
        val row = best / wide
        val column = best % wide
        val x = column + QUARTER * towards(values, map, best, 1, column, wide)
        val y = row + QUARTER * towards(values, map, best, wide, row, tall)
        input[2 * map] = (x + decoder.centre) * form.picture.width / wide
        input[2 * map + 1] = (y + decoder.centre) * form.picture.height / tall
        scores[map] = values[best * count + map]
    }

    /** 1 or -1 where the neighbour after or before a cell is the larger one; 0 at a border, or where they are equal. */
    private fun towards(values: FloatArray, map: Int, cell: Int, step: Int, place: Int, size: Int): Double {
        if (place == 0 || place == size - 1) return 0.0
        val after = values[(cell + step) * count + map].toDouble()
        return sign(after - values[(cell - step) * count + map])
    }

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded {
        val placed = answer().also { place(outputs, view, it) }
        val rows = FloatArray(3 * count) { if (it % 3 == 2) placed.scores[it / 3] else placed.points[it / 3 * 2 + it % 3] }
        return Recorded.of(null, listOf(1, count, 3), rows)
    }

    override fun comparison(): AnswerCounts = ShareCounts(spec.name, ::near)

    /** A 1 for each point within a twentieth of the object's longer side, which the source's points span; else a 0. */
    private fun near(reference: List<FloatArray>, candidate: List<FloatArray>): DoubleArray {
        val scores = FloatArray(count)
        find(reference, scores)
        val wanted = input.copyOf()
        find(candidate, scores)
        val size = maxOf(span(wanted, 0), span(wanted, 1))
        val limit = NEAR * (if (size > 0) size else maxOf(form.picture.height, form.picture.width).toDouble())
        return DoubleArray(count) { i ->
            if (hypot(input[2 * i] - wanted[2 * i], input[2 * i + 1] - wanted[2 * i + 1]) <= limit) 1.0 else 0.0
        }
    }

    private fun span(points: DoubleArray, axis: Int): Double {
        val places = (0 until count).map { points[2 * it + axis] }
        return places.max() - places.min()
    }

    companion object : PlaceType {
        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Keypoints(form, places, activation)

        override fun decodes(form: HeadForm): Boolean = form.spec.decode is PointDecoder

        override fun checkDecoder(form: HeadForm) {
            super.checkDecoder(form)
            val decoder = form.spec.decode as PointDecoder
            when (decoder) {
                is Heatmaps -> if (form.shapes.size != 1 || form.shapes[0].size != MAP_AXES) {
                    form.refuse("heat maps are one output of height, width and points, got ${form.shapes}")
                }
                is Coordinates -> checkCoordinates(form, decoder)
            }
            if (form.spec.activation == Activation.SOFTMAX) form.refuse("the scores of points have no softmax, which is over classes")
            val last = answerCount(form) - 1
            if (decoder.skeleton.any { it.size != 2 || it.min() < 0 || it.max() > last }) {
                form.refuse("the skeleton of its decoder has pairs of points in 0..$last, got ${decoder.skeleton}")
            }
        }

        private fun checkCoordinates(form: HeadForm, decoder: Coordinates) {
            val (rows, width) = rowForm(listOf(decoder.points), form, "points")
            if (width != 2) form.refuse("the points of its decoder have 2 columns, got $width")
            if (decoder.scores != null && rowForm(listOf(decoder.scores), form, "scores") != RowForm(rows, 1)) {
                form.refuse("the scores of its decoder must be $rows rows of one column")
            }
        }

        /** The number of points. */
        override fun answerCount(form: HeadForm): Int {
            val decoder = form.spec.decode
            return if (decoder is Coordinates) rowForm(listOf(decoder.points), form, "points").rows else form.shapes[0].last()
        }

        override fun shown(answer: Answer, most: Int): List<Top> = answer.scores.indices.take(most).map(answer::at)
    }
}
