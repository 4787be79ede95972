package dev.edgecv

/** One of the scores of an answer, with the name of what it belongs to. */
public data class Top(val label: String, val index: Int, val score: Float)

/** The durations of the three stages, nanoseconds of wall clock. */
public data class StageTimes(val preprocessNs: Long, val inferenceNs: Long, val postprocessNs: Long) {
    /** Their sum. */
    public val totalNs: Long get() = preprocessNs + inferenceNs + postprocessNs
}

/**
 * The answer of one head for one sample. It is the caller's own: nothing changes it later.
 *
 * @property head the head's record: its name, kind, title and unit.
 * @property index the winning class of a classification or binary head, or the label of the best box; else null.
 * @property scores one value for each class, label, column, box or point; of a binary output p they are (1 - p, p).
 * @param holds which labels of a multilabel head hold.
 */
public open class Answer(
    public val head: HeadSpec,
    public val index: Int?,
    public val scores: FloatArray,
    private val holds: BooleanArray = BooleanArray(scores.size),
) {
    /** The names of the labels whose score reaches their threshold, best first; empty but for multilabel. */
    public val labels: List<String> =
        if (holds.none { it }) emptyList() else topOf(scores, scores.size).filter { holds[it] }.map(head::label)

    /** The winning class's name, its index as text where the head has no labels; null where there is no winner. */
    public val label: String? get() = index?.let(head::label)

    /** The winning class's value in [scores]; null where there is no winner. */
    public open val score: Float? get() = index?.let(scores::get)

    /** The best scores with their names, best first, ties by index. */
    public fun top(count: Int): List<Top> = topOf(scores, count).map(::at)

    /**
     * The scores that a person is shown: at most so many of the best classes, the winner of yes and no, all labels that hold (there
     * may be none), or at most so many of the first values of a regression.
     */
    public fun shown(most: Int): List<Top> = head.kind.type.shown(this, most)

    internal open fun at(index: Int): Top = Top(head.label(index), index, scores[index])

    internal fun holds(index: Int): Boolean = holds[index]
}

/**
 * The answers of all heads of a model for one sample. It is the caller's own: nothing changes it later. `label`, `index`, `score`,
 * `labels`, `scores` and `top` are those of the first head, which most models have alone.
 *
 * @property answers one for each head of the bundle, in the manifest's order.
 * @property outputs every output by the model's name, real values in the source's layout, in the manifest's order.
 * @property view where the picture lies in the model's input, and how large it is; null of what was no picture.
 */
public class Prediction internal constructor(
    public val answers: List<Answer>,
    public val outputs: Map<String, FloatArray>,
    public val times: StageTimes,
    public val view: View? = null,
) {
    /** See [Answer.label]. */
    public val label: String? get() = answers[0].label

    /** See [Answer.index]. */
    public val index: Int? get() = answers[0].index

    /** See [Answer.score]. */
    public val score: Float? get() = answers[0].score

    /** See [Answer.labels]. */
    public val labels: List<String> get() = answers[0].labels

    /** See [Answer.scores]. */
    public val scores: FloatArray get() = answers[0].scores

    /** See [Answer.top]. */
    public fun top(count: Int): List<Top> = answers[0].top(count)
}

internal fun topOf(scores: FloatArray, count: Int): List<Int> =
    scores.indices.sortedWith { a, b -> if (scores[b] > scores[a]) 1 else if (scores[b] < scores[a]) -1 else 0 }.take(count)
