package dev.edgecv.heads

import dev.edgecv.HeadComparison
import dev.edgecv.HeadSpec
import kotlin.math.max

/** How many samples an answer must be given to before its absence says something. */
internal const val ENOUGH: Int = 5
private const val MANY = 20 // places at which the source gives a whole number, before its absence says something

/** Counts over samples of the outputs of the source and of an artifact, as Python's heads count them. */
internal interface AnswerCounts {
    /** Take in all outputs of one sample; returns how much of its answer is the same: 0..1. */
    fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double

    /** The comparison over all samples so far. */
    fun result(): HeadComparison
}

/** The decisions of a head that makes some, counted: how often both agree, and which answers the artifact never gives. */
internal class DecisionCounts(private val head: ScoreHead) : AnswerCounts {
    private var count = 0
    private var agreed = 0
    private val source = HashMap<Pair<Int, Int>, Int>() // how often, by the place of a decision and its value
    private val artifact = HashSet<Pair<Int, Int>>()

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val wanted = head.decisions(reference)
        val got = head.decisions(candidate)
        wanted?.forEachIndexed { place, value -> source[place to value] = (source[place to value] ?: 0) + 1 }
        got?.forEachIndexed { place, value -> artifact += place to value }
        val same = wanted != null && wanted.contentEquals(got)
        count += 1
        if (same) agreed += 1
        return if (same) 1.0 else 0.0
    }

    override fun result(): HeadComparison = HeadComparison(head.spec.name, agreed.toDouble() / max(1, count), never().sorted())

    private fun never(): List<String> = source.filter { (decision, times) -> times >= ENOUGH && decision !in artifact }.keys.map { (place, value) ->
        if (head.oneClass) head.spec.label(value) else "${head.spec.label(place)}: ${if (value == 1) "yes" else "no"}"
    }
}

/**
 * The values of one head that are whole numbers, counted: an index is right or wrong, and has no noise. Only places at which the source's values
 * change are counted, where there are any: the others, such as padding, are right by themselves.
 */
internal class WholeCounts(private val head: Head) : AnswerCounts {
    private var count = 0L
    private var first = FloatArray(0)
    private var equal = LongArray(0) // how often, by place
    private var moves = BooleanArray(0)
    private val source = HashMap<Long, Int>() // how often, by the value
    private val artifact = HashSet<Long>()

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val wanted = reference[head.place]
        val got = candidate[head.place]
        if (count == 0L) {
            first = wanted.copyOf()
            equal = LongArray(wanted.size)
            moves = BooleanArray(wanted.size)
        }
        for (i in wanted.indices) {
            if (wanted[i] == got[i]) equal[i] += 1
            if (wanted[i] != first[i]) moves[i] = true
        }
        for (value in wanted) if (value.isFinite()) source.merge(value.toLong(), 1, Int::plus)
        for (value in got) if (value.isFinite()) artifact += value.toLong()
        count += 1
        return wanted.indices.count { wanted[it] == got[it] }.toDouble() / max(1, wanted.size)
    }

    override fun result(): HeadComparison {
        val judged = equal.indices.filter { moves[it] }.ifEmpty { equal.indices.toList() }
        val agreement = judged.sumOf { equal[it] }.toDouble() / max(1L, count * judged.size)
        val never = source.filter { (value, times) -> times >= MANY && value !in artifact }.keys.sorted().map(Long::toString)
        val wrong = if (count >= ENOUGH) equal.indices.filter { moves[it] && equal[it] == 0L } else emptyList()
        return HeadComparison(head.spec.name, agreement, never + wrong.map { "the value at [$it]" })
    }
}

/** The number of samples in which the source gives each label, and the labels that the artifact gives in any. */
internal class LabelsGiven(private val spec: HeadSpec) {
    private val source = HashMap<Int, Int>()
    private val artifact = HashSet<Int>()

    /** Take in the labels of one sample. */
    fun add(wanted: Set<Int>, got: Set<Int>) {
        for (label in wanted) source[label] = (source[label] ?: 0) + 1
        artifact += got
    }

    /** The labels that the source gives in several samples, and the artifact in none. */
    fun never(): List<String> = source.filter { (label, times) -> times >= ENOUGH && label !in artifact }.keys.sorted().map(spec::label)
}
