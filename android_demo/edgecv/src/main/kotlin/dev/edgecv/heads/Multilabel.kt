package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.Top

/** Any of n labels: each one holds whose score reaches its threshold. */
internal class Multilabel(form: HeadForm, places: IntArray, activation: Activation) : ScoreHead(form, places, activation) {
    private val thresholds = FloatArray(spec.thresholds.size) { spec.thresholds[it].toFloat() }

    override val oneClass: Boolean get() = false

    override fun decide(output: FloatArray, answer: LiveAnswer) {
        val scores = answer.scores
        for (i in scores.indices) answer.holds[i] = scores[i] >= thresholds[i % thresholds.size]
    }

    companion object : HeadType {
        override val decidesByThreshold: Boolean get() = true

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Multilabel(form, places, activation)

        /** The labels that hold, all of them. */
        override fun shown(answer: Answer, most: Int): List<Top> = answer.top(answer.scores.size).filter { answer.holds(it.index) }
    }
}
