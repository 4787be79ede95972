package dev.edgecv

import dev.edgecv.heads.Head
import dev.edgecv.preprocess.RealOutput

/**
 * The answer of one head for the last sample. It belongs to a [LivePrediction] and is filled again for the next one.
 *
 * @property head the head's record: its name, kind, title and unit.
 * @property scores one value for each class, label or column; of a binary output p they are (1 - p, p).
 */
public open class LiveAnswer internal constructor(public val head: HeadSpec, public val scores: FloatArray) {
    /** The winning class, or the label of the best box; -1 where there is none. */
    public var index: Int = NONE
        internal set

    /** Which labels hold; all false but for multilabel. */
    public val holds: BooleanArray = BooleanArray(scores.size)

    /** The name of what a score belongs to, or its index as text. */
    public fun label(index: Int): String = head.label(index)

    /** Fill `into` with the indices of the best scores, best first, ties by index; -1 where there are no more. */
    public open fun best(into: IntArray) {
        for (place in into.indices) {
            var found = NONE
            for (i in scores.indices) {
                val better = found == NONE || scores[i] > scores[found]
                if (better && !listed(into, place, i)) found = i
            }
            into[place] = found
        }
    }

    /** A copy that is the caller's own, and can be written over with [copyInto]. */
    public open fun twin(): LiveAnswer = LiveAnswer(head, FloatArray(scores.size)).also(::copyInto)

    /** Copy this answer into a [twin]; allocates nothing but where the size of a mask or picture changes. */
    public open fun copyInto(twin: LiveAnswer) {
        twin.index = index
        scores.copyInto(twin.scores)
        holds.copyInto(twin.holds)
    }

    /** The same as a value of the caller's own. */
    public open fun answer(): Answer = Answer(
        head = head,
        index = if (index == NONE) null else index,
        scores = scores.copyOf(),
        holds = holds.copyOf(),
    )

    private fun listed(into: IntArray, until: Int, index: Int): Boolean {
        for (place in 0 until until) if (into[place] == index) return true
        return false
    }

    internal companion object {
        const val NONE = -1
    }
}

/**
 * The answers of all heads of a model for the last sample. A [Predictor] has one and fills it again each time, so that a frame costs no
 * allocation: read it before the next one, or take [prediction]. `scores`, `index`, `holds`, `label` and `best` are those of the first
 * head, which most models have alone.
 *
 * @property answers one for each head of the bundle, in the manifest's order.
 * @property outputs every output, real values in the source's layout, in the order of the artifact's record.
 */
public class LivePrediction internal constructor(
    public val answers: List<LiveAnswer>,
    public val outputs: List<FloatArray>,
    private val names: List<String>,
    private val order: IntArray,
) {
    /** Where the picture lies in the model's input, and how large it is; null of what was no picture. */
    public var view: View? = null
        internal set

    /** Nanoseconds of wall clock. */
    public var preprocessNs: Long = 0
        internal set

    /** Nanoseconds of wall clock. */
    public var inferenceNs: Long = 0
        internal set

    /** Nanoseconds of wall clock. */
    public var postprocessNs: Long = 0
        internal set

    /** See [LiveAnswer.scores]. */
    public val scores: FloatArray get() = answers[0].scores

    /** See [LiveAnswer.index]. */
    public val index: Int get() = answers[0].index

    /** See [LiveAnswer.holds]. */
    public val holds: BooleanArray get() = answers[0].holds

    /** See [LiveAnswer.label]. */
    public fun label(index: Int): String = answers[0].label(index)

    /** See [LiveAnswer.best]. */
    public fun best(into: IntArray) {
        answers[0].best(into)
    }

    /** The same as a value of the caller's own. */
    public fun prediction(): Prediction = Prediction(
        answers = answers.map { it.answer() },
        outputs = order.associate { names[it] to outputs[it].copyOf() },
        times = StageTimes(preprocessNs, inferenceNs, postprocessNs),
        view = view,
    )
}

/** Reads an artifact's raw outputs: makes real numbers of them, and lets each head answer for its own. */
internal class OutputReader(manifest: Manifest, artifact: Artifact) {
    private val real = artifact.outputs.map { RealOutput(it) }
    private val heads = Head.of(manifest, artifact)
    private val names = artifact.outputs.map { it.name }

    val prediction = LivePrediction(
        answers = heads.map { it.answer() },
        outputs = real.map { FloatArray(it.count) },
        names = names,
        order = IntArray(names.size) { names.indexOf(manifest.outputs[it].name) },
    )

    /** Fill the outputs with real values, and leave the answers as they are. */
    fun readReal(outputs: List<Tensor>) {
        for (i in real.indices) real[i].read(outputs[i], prediction.outputs[i])
    }

    /**
     * Fill the answers.
     *
     * @param view where the picture lies in the model's input; null of what was no picture.
     * @throws EngineException the model gave NaN to a head that decides.
     */
    fun read(outputs: List<Tensor>, view: View?) {
        readReal(outputs)
        prediction.view = view
        for (i in heads.indices) heads[i].read(prediction.outputs, prediction.answers[i], view)
    }
}
