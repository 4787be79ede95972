package dev.edgecv.demo

import dev.edgecv.Answer

/** The last answer, written by the thread that predicts and read by the one that draws. Writing allocates nothing. */
class LatestAnswer(top: Int = 3) {
    private val indices = IntArray(top)
    private val scores = FloatArray(top)
    private val times = LongArray(3)
    private var count = 0L

    /** Keep what `answer` says; it may change afterwards. */
    @Synchronized
    fun put(answer: Answer) {
        answer.best(indices)
        for (place in indices.indices) scores[place] = if (indices[place] < 0) 0f else answer.scores[indices[place]]
        times[0] = answer.preprocessNs
        times[1] = answer.inferenceNs
        times[2] = answer.postprocessNs
        count++
    }

    /** A copy of the last one; null before the first. */
    @Synchronized
    fun get(): Shown? = if (count == 0L) null else Shown(indices.copyOf(), scores.copyOf(), times.copyOf(), count)

    /** Forget: the next answers are another model's, or another picture's. */
    @Synchronized
    fun clear() {
        count = 0
    }
}

/** The best classes (-1: there are no more) with their scores, nanoseconds of the three stages, answers so far. */
class Shown(val indices: IntArray, val scores: FloatArray, val times: LongArray, val count: Long) {
    /** A line for each class, then the times. */
    fun lines(label: (Int) -> String, shares: Boolean): Pair<String, String> = Pair(
        indices.indices.filter { indices[it] >= 0 }.joinToString("\n") { Lines.answer(label(indices[it]), scores[it], shares) },
        Lines.times(times[0], times[1], times[2]),
    )
}
