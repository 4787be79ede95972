package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.LiveMask
import dev.edgecv.PlaneKernel
import dev.edgecv.Planes
import dev.edgecv.Top
import dev.edgecv.UNSEEN
import dev.edgecv.View

private const val AXES = 4 // of planes: batch, height, width, classes
private const val LEAST_SHARE = 0.0005f

/** A class for each pixel of the picture: of several planes the largest, of one by its threshold. */
internal class Segmentation(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    private val shape = form.shapes[0]
    private val planes = planeCount(form)
    private val single = if (planes == 1) FloatArray(form.width) else null
    private val choice = Choice(planes, form.spec.thresholds.firstOrNull()?.toFloat() ?: 0f)
    private val bilinear = (form.spec.decode as Planes).kernel == PlaneKernel.BILINEAR
    private val maker = MaskMaker(shape[1], shape[2], choice, bilinear, form.picture)
    private val whole = View.whole(form.picture.height, form.picture.width)
    private val counts = IntArray(UNSEEN + 1)

    override val decides: Boolean get() = false

    override fun answer(): LiveMask = LiveMask(spec, maxOf(2, planes))

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        checkFinite(outputs)
        val mask = answer as LiveMask
        make(outputs, view ?: whole, mask)
        counts.fill(0)
        for (index in mask.mask) counts[index.toInt() and UNSEEN] += 1
        var total = 0
        for (index in mask.scores.indices) total += counts[index]
        for (index in mask.scores.indices) mask.scores[index] = (counts[index].toDouble() / maxOf(1, total)).toFloat()
    }

    private fun make(outputs: List<FloatArray>, view: View, into: LiveMask) {
        into.resize(view.height, view.width)
        maker.make(values(outputs), view, into.mask)
    }

    /** The planes; one plane alone as probabilities. */
    private fun values(outputs: List<FloatArray>): FloatArray {
        val output = outputs[place]
        if (single == null) return output
        output.copyInto(single)
        activate(single, activation)
        return single
    }

    /** The classes of the planes' own cells. */
    private fun cells(outputs: List<FloatArray>): ByteArray {
        val values = values(outputs)
        return ByteArray(values.size / planes) { choice.of(values, it * planes) }
    }

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded {
        val mask = answer().also { make(outputs, view ?: whole, it) }
        return Recorded.of(null, listOf(1, mask.height, mask.width), mask.mask)
    }

    override fun comparison(): AnswerCounts = MaskCounts(spec, answerCount(form), ::cells)

    companion object : PlaceType {
        override val decidesByThreshold: Boolean get() = true

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Segmentation(form, places, activation)

        override fun decodes(form: HeadForm): Boolean = form.spec.decode is Planes

        override fun checkDecoder(form: HeadForm) {
            super.checkDecoder(form)
            if (form.shapes.size != 1 || form.shapes[0].size !in AXES - 1..AXES) {
                form.refuse("a segmentation head has one output of height, width and classes, got ${form.shapes}")
            }
            val planes = planeCount(form)
            if (planes == 1 && form.spec.activation == Activation.SOFTMAX) {
                form.refuse("a segmentation head of one plane has no softmax, which is over planes")
            }
            if (planes !in 1..UNSEEN) form.refuse("a segmentation head has at most $UNSEEN classes, got $planes")
        }

        override fun checkThresholds(form: HeadForm) {
            val given = form.spec.thresholds
            val planes = planeCount(form)
            if (planes > 1 && given.isNotEmpty()) form.refuse("a segmentation head of $planes planes has no thresholds, got $given")
            if (planes == 1 && !(given.size == 1 && given[0] >= 0 && given[0] <= 1)) {
                form.refuse("a segmentation head of one plane has one threshold in 0..1, got $given")
            }
        }

        /** The number of classes: two for one plane. */
        override fun answerCount(form: HeadForm): Int = maxOf(2, planeCount(form))

        private fun planeCount(form: HeadForm): Int = if (form.shapes[0].size == AXES) form.shapes[0].last() else 1

        /** The classes with the largest shares of the picture. */
        override fun shown(answer: Answer, most: Int): List<Top> = answer.top(most).filter { it.score >= LEAST_SHARE }
    }
}
