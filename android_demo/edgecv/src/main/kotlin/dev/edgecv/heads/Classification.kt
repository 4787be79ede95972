package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.Top

/** One of n classes: the highest of the output's values wins, of equal ones the first. */
internal class Classification(form: HeadForm, places: IntArray, activation: Activation) : ScoreHead(form, places, activation) {
    override fun decide(output: FloatArray, answer: LiveAnswer) {
        var best = 0
        for (i in 1 until output.size) if (output[i] > output[best]) best = i
        answer.index = best
    }

    companion object : HeadType {
        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Classification(form, places, activation)

        override fun shown(answer: Answer, most: Int): List<Top> = answer.top(most)
    }
}
