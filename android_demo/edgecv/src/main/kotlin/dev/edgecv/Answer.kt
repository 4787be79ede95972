package dev.edgecv

import dev.edgecv.preprocess.RealOutput

/**
 * What a prediction gave. A [Predictor] has one and fills it again each time, so that a frame costs no allocation:
 * read it before the next one, or take [prediction].
 *
 * @property scores one value for each answer of the first output; of a binary output p it is (1 - p, p).
 * @property outputs every output, real values in the source's layout, in the order of the bundle's outputs.
 */
public class Answer internal constructor(
    private val names: List<String>,
    private val outputNames: List<String>,
    public val scores: FloatArray,
    public val outputs: List<FloatArray>,
) {
    /** The winning class, or -1 for multilabel and regression. */
    public var index: Int = NONE
        internal set

    /** Which labels hold; all false but for multilabel. */
    public val holds: BooleanArray = BooleanArray(scores.size)

    /** Nanoseconds of wall clock. */
    public var preprocessNs: Long = 0
        internal set

    /** Nanoseconds of wall clock. */
    public var inferenceNs: Long = 0
        internal set

    /** Nanoseconds of wall clock. */
    public var postprocessNs: Long = 0
        internal set

    /** The name of a class, or its index as text. */
    public fun label(index: Int): String = nameOf(names, index)

    /** Fill `into` with the indices of the best answers, best first, ties by index; -1 where there are no more. */
    public fun best(into: IntArray) {
        for (place in into.indices) {
            var found = NONE
            for (i in scores.indices) {
                val better = found == NONE || scores[i] > scores[found]
                if (better && !listed(into, place, i)) found = i
            }
            into[place] = found
        }
    }

    /** The same as a value of the caller's own. */
    public fun prediction(): Prediction = Prediction(
        label = if (index == NONE) null else label(index),
        index = if (index == NONE) null else index,
        score = if (index == NONE) null else scores[index],
        labels = topOf(scores, scores.size).filter { holds[it] }.map(::label),
        scores = scores.copyOf(),
        outputs = outputNames.zip(outputs) { name, values -> name to values.copyOf() }.toMap(),
        times = StageTimes(preprocessNs, inferenceNs, postprocessNs),
        names = names,
    )

    private fun listed(into: IntArray, until: Int, index: Int): Boolean {
        for (place in 0 until until) if (into[place] == index) return true
        return false
    }

    internal companion object {
        const val NONE = -1
    }
}

/** Reads an artifact's raw outputs: dequantizes them, applies the head, and decides. */
internal class AnswerReader(manifest: Manifest, artifact: Artifact) {
    private val head = Head.of(manifest, artifact)
    private val real = artifact.outputs.map { RealOutput(it) }

    val answer = Answer(
        names = manifest.labels.orEmpty(),
        outputNames = artifact.outputs.map { it.name },
        scores = FloatArray(if (head.task == Task.BINARY) 2 else real[0].count),
        outputs = real.map { FloatArray(it.count) },
    )

    /** The outputs as real values. */
    fun readReal(outputs: List<Tensor>) {
        for (i in real.indices) real[i].read(outputs[i], answer.outputs[i])
    }

    /** @throws EngineException the model gave NaN, so it said nothing. */
    fun read(outputs: List<Tensor>) {
        readReal(outputs)
        val deciding = answer.outputs[0]
        head.score(deciding, answer.scores)
        if (head.task == Task.REGRESSION) return
        for (score in answer.scores) if (score.isNaN()) throw EngineException("the model's output is NaN", "Use another precision")
        if (head.task == Task.MULTILABEL) {
            for (i in answer.holds.indices) answer.holds[i] = head.holds(answer.scores, i)
        } else {
            answer.index = head.winner(deciding, answer.scores)
        }
    }
}
