package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.Top

/** Yes or no from one value p, the first of the output: the scores are (1 - p, p), and p wins from the threshold on. */
internal class Binary(form: HeadForm, places: IntArray, activation: Activation) : ScoreHead(form, places, activation) {
    private val threshold = spec.thresholds[0].toFloat()
    private val row = FloatArray(form.width)

    override val scoreCount: Int get() = 2

    override fun score(output: FloatArray, scores: FloatArray) {
        output.copyInto(row)
        activate(row, activation)
        scores[0] = 1 - row[0]
        scores[1] = row[0]
    }

    override fun decide(output: FloatArray, answer: LiveAnswer) {
        answer.index = if (answer.scores[1] >= threshold) 1 else 0
    }

    companion object : HeadType {
        override val decidesByThreshold: Boolean get() = true

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Binary(form, places, activation)

        /** The winner alone: with a threshold other than a half it may have the lower score. */
        override fun shown(answer: Answer, most: Int): List<Top> = answer.top(2).filter { it.index == answer.index }
    }
}
