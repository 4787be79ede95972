package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Artifact
import dev.edgecv.EngineException
import dev.edgecv.HeadSpec
import dev.edgecv.LiveAnswer
import dev.edgecv.Manifest

/**
 * One head of a bundle, which turns an output of one artifact into scores and decisions.
 *
 * @property spec the head's record in the manifest.
 * @property place the number of its output among those of the artifact.
 * @property activation what is still to be applied to that output; the artifact may apply the record's by itself.
 */
internal abstract class Head(val spec: HeadSpec, val place: Int, protected val activation: Activation) {
    /** False for a head that decides nothing: only its values can be compared. */
    open val decides: Boolean get() = true

    /** False for a head that says yes or no to each of several labels; it has no meaning where nothing is decided. */
    open val oneClass: Boolean get() = true

    /** The number of scores that it makes of an output of so many numbers. */
    open fun scoreCount(numbers: Int): Int = numbers

    /** Fill `scores` from an output's real values. */
    protected open fun score(output: FloatArray, scores: FloatArray) {
        output.copyInto(scores)
        activate(scores, activation)
    }

    /** Set the decisions of an answer that has its scores. */
    protected abstract fun decide(output: FloatArray, answer: LiveAnswer)

    /** An answer of the right size, to be filled again and again. */
    fun answer(numbers: Int): LiveAnswer = LiveAnswer(spec, FloatArray(scoreCount(numbers)))

    /**
     * Fill an answer from an output's real values.
     *
     * @throws EngineException the model gave NaN, so there is nothing to decide.
     */
    fun read(output: FloatArray, answer: LiveAnswer) {
        score(output, answer.scores)
        if (!decides) return
        for (score in answer.scores) if (score.isNaN()) throw EngineException("the model's output is NaN", "Use another precision")
        decide(output, answer)
    }

    /** The decisions that an output leads to, all of whose numbers are finite: the index of a class, or a 1 or 0 for each label. */
    fun decisions(output: FloatArray): IntArray {
        val answer = answer(output.size).also { read(output, it) }
        return if (oneClass) intArrayOf(answer.index) else IntArray(answer.holds.size) { if (answer.holds[it]) 1 else 0 }
    }

    internal companion object {
        /** The heads of a bundle, for the source model's own outputs. */
        fun of(manifest: Manifest): List<Head> = manifest.heads.map { spec ->
            spec.kind.type.open(spec, manifest.outputs.indexOfFirst { it.name == spec.outputs[0] }, spec.activation)
        }

        /** The heads of a bundle, for the outputs of one of its artifacts. */
        fun of(manifest: Manifest, artifact: Artifact): List<Head> = manifest.heads.map { spec ->
            val place = artifact.outputs.indexOfFirst { it.name == spec.outputs[0] }
            val left = artifact.outputs[place].activation == Activation.NONE
            spec.kind.type.open(spec, place, if (left) spec.activation else Activation.NONE)
        }
    }
}
