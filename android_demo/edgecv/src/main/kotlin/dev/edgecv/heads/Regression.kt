package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.HeadSpec
import dev.edgecv.LiveAnswer
import dev.edgecv.Top

/** Values that mean themselves: nothing is decided, whatever the numbers are. */
internal class Regression(spec: HeadSpec, place: Int, activation: Activation) : Head(spec, place, activation) {
    override val decides: Boolean get() = false

    override fun decide(output: FloatArray, answer: LiveAnswer) = Unit

    companion object : HeadType {
        override val labelsEveryAnswer: Boolean get() = false

        override val hasShares: Boolean get() = false

        override fun open(spec: HeadSpec, place: Int, activation: Activation): Head = Regression(spec, place, activation)

        override fun shown(answer: Answer, most: Int): List<Top> = answer.scores.indices.take(most).map(answer::at)
    }
}
