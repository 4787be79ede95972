package dev.edgecv

import dev.edgecv.preprocess.RealOutput
import kotlin.math.abs
import kotlin.math.exp

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
internal class AnswerReader(manifest: Manifest, private val artifact: Artifact) {
    private val task = manifest.task
    private val activation = manifest.postprocess.activation.takeIf { artifact.outputs[0].activation == Activation.NONE }
    private val thresholds = FloatArray(manifest.postprocess.thresholds.size) { manifest.postprocess.thresholds[it].toFloat() }
    private val first = artifact.outputs.indexOfFirst { it.name == artifact.outputs[0].name }
    private val real = artifact.outputs.map { RealOutput(it) }
    private val rows = FloatArray(real[first].count)

    val answer = Answer(
        names = manifest.labels.orEmpty(),
        outputNames = artifact.outputs.map { it.name },
        scores = FloatArray(if (task == Task.BINARY) 2 else rows.size),
        outputs = real.map { FloatArray(it.count) },
    )

    /** @throws EngineException the model gave NaN, so it said nothing. */
    fun read(outputs: List<Tensor>) {
        for (i in real.indices) real[i].read(outputs[i], answer.outputs[i])
        answer.outputs[first].copyInto(rows)
        activate(rows, activation ?: Activation.NONE)
        if (task == Task.BINARY) {
            answer.scores[0] = 1 - rows[0]
            answer.scores[1] = rows[0]
        } else {
            rows.copyInto(answer.scores)
        }
        decide()
    }

    private fun decide() {
        val scores = answer.scores
        if (task == Task.REGRESSION) return
        if (scores.any { it.isNaN() }) throw EngineException("the model's output is NaN", "Use another precision")
        when (task) {
            Task.MULTILABEL -> for (i in scores.indices) answer.holds[i] = scores[i] >= thresholds[i % thresholds.size]
            Task.BINARY -> answer.index = if (rows[0] >= thresholds[0]) 1 else 0
            else -> answer.index = highest(answer.outputs[first])
        }
    }

    private fun highest(values: FloatArray): Int {
        var best = 0
        for (i in 1 until values.size) if (values[i] > values[best]) best = i
        return best
    }
}

/** Apply an activation to one row, without overflow. */
internal fun activate(row: FloatArray, activation: Activation) {
    when (activation) {
        Activation.NONE -> return
        Activation.SOFTMAX -> softmax(row)
        Activation.SIGMOID -> for (i in row.indices) {
            val small = exp(-abs(row[i]))
            row[i] = (if (row[i] >= 0) 1f else small) / (1 + small)
        }
    }
}

private fun softmax(row: FloatArray) {
    var highest = row[0]
    for (value in row) if (value > highest) highest = value
    var sum = 0f
    for (i in row.indices) {
        row[i] = exp(row[i] - highest)
        sum += row[i]
    }
    for (i in row.indices) row[i] /= sum
}
