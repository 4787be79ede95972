package dev.edgecv.demo

import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.LivePrediction
import dev.edgecv.View

/**
 * The last answers of one model, written by the thread that predicts and read by the one that draws. Writing allocates nothing but for
 * the first time after [clear], and where the size of a mask or picture changes.
 */
class LatestAnswer {
    private var kept: List<LiveAnswer> = emptyList()
    private val times = LongArray(3)
    private var view: View? = null
    private var count = 0L

    /** Keep what `prediction` says; it may change afterwards. */
    @Synchronized
    fun put(prediction: LivePrediction) {
        val answers = prediction.answers
        if (kept.isEmpty()) kept = answers.map { it.twin() }
        for (place in answers.indices) answers[place].copyInto(kept[place])
        view = prediction.view
        times[0] = prediction.preprocessNs
        times[1] = prediction.inferenceNs
        times[2] = prediction.postprocessNs
        count++
    }

    /** A copy of the last ones; null before the first. */
    @Synchronized
    fun get(): Shown? = if (count == 0L) null else Shown(kept.map { it.answer() }, times.copyOf(), count, view)

    /** Forget: the next answers are another model's, or another picture's. */
    @Synchronized
    fun clear() {
        kept = emptyList()
        view = null
        count = 0
    }
}

/**
 * One answer for each head, nanoseconds of the three stages, and how many samples were answered so far.
 *
 * @property view the size of the picture, and where it lies in the model's input; null of what was no picture.
 */
class Shown(val answers: List<Answer>, val times: LongArray, val count: Long, val view: View? = null) {
    /** The answers of all heads as text, then the times. */
    fun lines(): Pair<String, String> = Pair(Lines.answers(answers), Lines.times(times[0], times[1], times[2]))

    /** What is drawn of the answers over their picture. */
    fun marks(): Marks? = view?.let { Marks.of(answers, it.width, it.height) }
}
