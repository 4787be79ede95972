package dev.edgecv

/** One of the best answers; `score` is its value in [Prediction.scores]. */
public data class Top(val label: String, val index: Int, val score: Float)

/** How long the stages took, nanoseconds of wall clock. */
public data class StageTimes(val preprocessNs: Long, val inferenceNs: Long, val postprocessNs: Long) {
    /** Their sum. */
    public val totalNs: Long get() = preprocessNs + inferenceNs + postprocessNs
}

/**
 * One answer, the caller's own.
 *
 * @property label the class name, its index as text where the bundle has no labels, or null for multilabel and regression.
 * @property index the class index, or null.
 * @property score the winning class's value in `scores`, or null.
 * @property labels the names whose score reaches their threshold, best first; empty but for multilabel.
 * @property scores one value for each answer of the first output; of a binary output p it is (1 - p, p).
 * @property outputs every output by the model's name, real values in the source's layout.
 */
public class Prediction internal constructor(
    public val label: String?,
    public val index: Int?,
    public val score: Float?,
    public val labels: List<String>,
    public val scores: FloatArray,
    public val outputs: Map<String, FloatArray>,
    public val times: StageTimes,
    private val names: List<String>,
) {
    /** The best answers with their names, best first, ties by index. */
    public fun top(count: Int): List<Top> = topOf(scores, count).map { Top(nameOf(names, it), it, scores[it]) }
}

internal fun nameOf(names: List<String>, index: Int): String = names.getOrNull(index) ?: index.toString()

internal fun topOf(scores: FloatArray, count: Int): List<Int> =
    scores.indices.sortedWith { a, b -> if (scores[b] > scores[a]) 1 else if (scores[b] < scores[a]) -1 else 0 }.take(count)
