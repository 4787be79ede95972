package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Artifact
import dev.edgecv.EngineException
import dev.edgecv.HeadSpec
import dev.edgecv.LiveAnswer
import dev.edgecv.Manifest
import dev.edgecv.View

private const val NOTHING = -1 // the decision of a sample whose outputs are not finite

/**
 * One head of a bundle, which turns outputs of one artifact into answers.
 *
 * @property form the head's record in the manifest, and the form of its outputs.
 * @property places the numbers of its outputs among those of the artifact, in the order of the record.
 * @property activation what is still to be applied to them; the artifact may apply the record's by itself.
 */
internal abstract class Head(val form: HeadForm, val places: IntArray, protected val activation: Activation) {
    val spec: HeadSpec get() = form.spec

    /** The number of its first output. */
    val place: Int get() = places[0]

    /** False for a head that decides nothing by itself: its values, or the places that it finds, can be compared. */
    open val decides: Boolean get() = true

    /** An answer of the right size, to be filled again and again. */
    abstract fun answer(): LiveAnswer

    /**
     * Fill an answer from the real values of all outputs.
     *
     * @param view where the picture lies in the model's input; null: places are those in the input itself.
     * @throws EngineException the model gave NaN, so there is nothing to decide.
     */
    abstract fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?)

    /** What golden cases record of the answer to one sample. */
    abstract fun recorded(outputs: List<FloatArray>, view: View?): Recorded

    /** What counts how far answers agree; null where agreement has no meaning. */
    abstract fun comparison(): AnswerCounts?

    /** Whether its outputs are rows in the order of their scores, so that a place means nothing by itself. */
    open val sorts: Boolean get() = false

    /** Of outputs that are sorted, the rows of what both the source and the artifact find in a sample. */
    open fun paired(reference: List<FloatArray>, candidate: List<FloatArray>): List<PairedRow> = emptyList()

    /** @throws EngineException one of its outputs is not finite. */
    protected fun checkFinite(outputs: List<FloatArray>) {
        for (place in places) for (value in outputs[place]) if (value.isNaN() || value.isInfinite()) throw notFinite()
    }

    protected fun notFinite() = EngineException("the model's output is NaN", "Use another precision")

    internal companion object {
        /** The heads of a bundle, for the source model's own outputs. */
        fun of(manifest: Manifest): List<Head> = manifest.heads.map { spec ->
            open(HeadForm.of(manifest, spec), manifest.outputs.map { it.name }, spec.activation)
        }

        /** The heads of a bundle, for the outputs of one of its artifacts. */
        fun of(manifest: Manifest, artifact: Artifact): List<Head> = manifest.heads.map { spec ->
            val applied = artifact.outputs.any { it.name in spec.outputs && it.activation != Activation.NONE }
            open(HeadForm.of(manifest, spec), artifact.outputs.map { it.name }, if (applied) Activation.NONE else spec.activation)
        }

        /** A head of outputs that have these names. */
        fun open(form: HeadForm, names: List<String>, activation: Activation = form.spec.activation): Head {
            val places = IntArray(form.spec.outputs.size) { names.indexOf(form.spec.outputs[it]) }
            return form.spec.kind.type.open(form, places, activation)
        }
    }
}

/** A row of the output with the number [place], of the source and of an artifact. */
internal class PairedRow(val place: Int, val reference: FloatArray, val candidate: FloatArray)

/** A head of one output, whose answer is a score for each class, label or column. */
internal abstract class ScoreHead(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    /** False for a head that says yes or no to each of several labels; it has no meaning where nothing is decided. */
    open val oneClass: Boolean get() = true

    /** The number of scores that it makes. */
    protected open val scoreCount: Int get() = form.width

    /** Fill `scores` from an output's real values. */
    protected open fun score(output: FloatArray, scores: FloatArray) {
        output.copyInto(scores)
        activate(scores, activation)
    }

    /** Set the decisions of an answer that has its scores. */
    protected abstract fun decide(output: FloatArray, answer: LiveAnswer)

    override fun answer(): LiveAnswer = LiveAnswer(spec, FloatArray(scoreCount))

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        val output = outputs[place]
        score(output, answer.scores)
        if (!decides) return
        for (score in answer.scores) if (score.isNaN()) throw notFinite()
        decide(output, answer)
    }

    /** The decisions that outputs lead to: the index of a class, or a 1 or 0 for each label; null where they are not finite. */
    fun decisions(outputs: List<FloatArray>): IntArray? {
        for (value in outputs[place]) if (value.isNaN() || value.isInfinite()) return null
        val answer = answer().also { read(outputs, it, null) }
        return if (oneClass) intArrayOf(answer.index) else IntArray(answer.holds.size) { if (answer.holds[it]) 1 else 0 }
    }

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded {
        val answer = answer().also { score(outputs[place], it.scores) }
        val scores = answer.scores
        val decided = if (decides) decisions(outputs) ?: IntArray(if (oneClass) 1 else scores.size) { NOTHING } else null
        return Recorded.of(decided?.toList(), listOf(1, scores.size), scores)
    }

    override fun comparison(): AnswerCounts? = when {
        decides -> DecisionCounts(this)
        form.isWhole -> WholeCounts(this)
        else -> null
    }
}
