package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.Top
import dev.edgecv.View
import kotlin.math.sqrt

/** A vector of length one: the output divided by its length. */
internal class Embedding(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    override val decides: Boolean get() = false

    override fun answer(): LiveAnswer = LiveAnswer(spec, FloatArray(form.width))

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        scale(outputs[place], answer.scores)
        for (score in answer.scores) if (score.isNaN()) throw notFinite()
    }

    /** In float64, squares added in their order, rounded to float32 once; zeros stay zeros. */
    private fun scale(values: FloatArray, into: FloatArray) {
        var squares = 0.0
        for (value in values) squares += value.toDouble() * value.toDouble()
        val length = sqrt(squares)
        for (i in values.indices) into[i] = if (length > 0) (values[i] / length).toFloat() else if (length.isNaN()) Float.NaN else 0f
    }

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded =
        Recorded.of(null, listOf(1, form.width), FloatArray(form.width).also { scale(outputs[place], it) })

    override fun comparison(): AnswerCounts = ShareCounts(spec.name, ::cosine)

    private fun cosine(reference: List<FloatArray>, candidate: List<FloatArray>): DoubleArray {
        val wanted = FloatArray(form.width).also { scale(reference[place], it) }
        val got = FloatArray(form.width).also { scale(candidate[place], it) }
        val product = wanted.indices.sumOf { wanted[it].toDouble() * got[it].toDouble() }
        return doubleArrayOf(if (product.isNaN()) 0.0 else product.coerceIn(0.0, 1.0))
    }

    companion object : HeadType {
        override val hasShares: Boolean get() = false

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Embedding(form, places, activation)

        override fun checkLabels(form: HeadForm, count: Int) = Unit // nothing is read by them

        override fun shown(answer: Answer, most: Int): List<Top> = answer.scores.indices.take(most).map(answer::at)
    }
}
