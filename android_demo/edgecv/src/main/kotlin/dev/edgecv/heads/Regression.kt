package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.Top

/** Values that mean themselves: nothing is decided, whatever the numbers are. */
internal class Regression(form: HeadForm, places: IntArray, activation: Activation) : ScoreHead(form, places, activation) {
    override val decides: Boolean get() = false

    override fun decide(output: FloatArray, answer: LiveAnswer) = Unit

    companion object : HeadType {
        override fun checkLabels(form: HeadForm, count: Int) = Unit // nothing is read by them

        override val hasShares: Boolean get() = false

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Regression(form, places, activation)

        override fun shown(answer: Answer, most: Int): List<Top> = answer.scores.indices.take(most).map(answer::at)
    }
}
