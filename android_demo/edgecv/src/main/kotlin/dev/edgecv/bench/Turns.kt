package dev.edgecv.bench

import java.util.concurrent.CancellationException

/** Gives courses their turns, A B C A B C, and tells how far it is. */
internal class Turns(
    private val courses: List<Course>,
    private val watcher: (Progress) -> Unit,
    private val cancelled: () -> Boolean,
) {
    fun load(open: (Int, Course) -> Unit) = each("load", open)

    fun answer(write: (Int, Course) -> Unit) = each("answer", write)

    /** Turns that do not count, until every course has settled or its time is up. */
    fun warmUp(options: Options) {
        var done = 0
        while (true) {
            val waiting = running().filter { !it.isWarm(options.warmUpSeconds) }
            if (waiting.isEmpty()) return
            for (course in waiting) {
                tell("warm up", course, done, done + waiting.size)
                course.warmUp(options.turnSeconds)
                done += 1
            }
        }
    }

    /** One turn a round for every course, always in the same order. */
    fun measure(options: Options) {
        for (round in 0 until options.rounds) {
            val still = running()
            still.forEachIndexed { place, course ->
                tell("measure", course, round * still.size + place, options.rounds * still.size)
                course.measure(options.turnSeconds)
            }
        }
    }

    fun sustain(chosen: List<Course>, seconds: Double) {
        for (course in chosen) {
            tell("sustain", course, 0, seconds.toInt())
            course.sustain(seconds) { tell("sustain", course, minOf(it, seconds).toInt(), seconds.toInt()) }
        }
    }

    private fun each(doing: String, action: (Int, Course) -> Unit) {
        courses.forEachIndexed { number, course ->
            tell(doing, course, number, courses.size)
            action(number, course)
        }
    }

    private fun running(): List<Course> = courses.filter { it.failed == null }

    private fun tell(doing: String, course: Course, done: Int, total: Int) {
        if (cancelled()) throw CancellationException("the benchmark was cancelled")
        watcher(Progress(done, total, "$doing: ${course.row.title}"))
    }
}
