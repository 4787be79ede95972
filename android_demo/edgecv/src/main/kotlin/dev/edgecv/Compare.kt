package dev.edgecv

import dev.edgecv.heads.AnswerCounts
import dev.edgecv.heads.Head
import dev.edgecv.heads.WholeCounts
import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

internal const val INFINITE = Double.MAX_VALUE // JSON has no infinity
private const val MOST_FLIPS = 100
private const val NEARLY = 0.9 // of a sample's whole numbers, which agree where so many are equal

/**
 * Sums over samples of how far an artifact's outputs are from the source's, as `edgecv verify` computes it: over all values, and by head and
 * by part of each output. A sample agrees as far as the answers of all heads do. Whole numbers, such as indices, are equal or not.
 *
 * @param outputs the source's record of each output, in the order of the artifact's.
 */
internal class ComparisonSum(heads: List<Head>, outputs: List<TensorSpec>) {
    private val answers = heads.mapNotNull { head -> head.comparison()?.let { Answers(head, it) } }
    private val wholes = answers.filter { it.counts is WholeCounts }.flatMap { it.head.spec.outputs }
    private val decided = heads.filter { it.decides }.flatMap { it.spec.outputs }
    private val sorting = heads.filter { it.sorts }
    private val sorted = sorting.flatMap { it.places.toList() }
    private val parts: List<OutputSums?> = outputs.map { output ->
        OutputSums(output.name, output.shape, byColumn = output.name !in decided).takeIf { output.name !in wholes }
    }
    private val rows = HashMap<Int, OutputSums>() // of the outputs that are sorted
    private val names = outputs.map { it.name }
    private var count = 0
    private var elements = 0L
    private var agreed = 0.0
    private var nonFinite = 0
    private var maxError = 0.0
    private var sumError = 0.0
    private var errorPower = 0.0
    private var referencePower = 0.0
    private var candidatePower = 0.0
    private var dot = 0.0
    private val flips = ArrayList<String>()

    /** Take in one sample: each output of the source, and the artifact's in the same order. */
    fun add(id: String, reference: List<FloatArray>, candidate: List<FloatArray>) {
        val finite = reference.indices.map { isFinite(reference[it]) && isFinite(candidate[it]) }
        val onlyWhole = parts.all { it == null }
        for (i in finite.indices) {
            if (finite[i] && i !in sorted && (parts[i] != null || onlyWhole)) addOutput(parts[i], reference[i], candidate[i])
        }
        for (row in sorting.flatMap { it.paired(reference, candidate) }) {
            val sums = rows.getOrPut(row.place) { OutputSums(names[row.place], listOf(1, row.reference.size), byColumn = true) }
            addOutput(sums, row.reference, row.candidate)
        }
        val whole = finite.all { it }
        val share = answers.fold(if (whole) 1.0 else 0.0) { least, head -> min(least, head.counts.add(reference, candidate)) }
        count += 1
        if (!whole) nonFinite += 1
        agreed += share
        if (share < NEARLY && flips.size < MOST_FLIPS) flips += id
    }

    private fun addOutput(sums: OutputSums?, reference: FloatArray, candidate: FloatArray) {
        sums?.add(reference, candidate)
        for (i in reference.indices) {
            val expected = reference[i].toDouble()
            val got = candidate[i].toDouble()
            val error = abs(expected - got)
            maxError = max(maxError, error)
            sumError += error
            errorPower += error * error
            referencePower += expected * expected
            candidatePower += got * got
            dot += expected * got
        }
        elements += reference.size
    }

    fun result(): Comparison {
        val broken = nonFinite > 0
        val found = answers.map { it.counts.result() }
        val byPart = answers.indices.filter { !answers[it].head.decides }.map { found[it].agreement }
        return Comparison(
            count = count,
            maxAbsError = if (broken) INFINITE else maxError,
            meanAbsError = if (broken) INFINITE else sumError / max(1L, elements),
            cosine = if (broken) 0.0 else cosine(),
            snrDb = if (broken) -INFINITE else signalToNoise(referencePower, errorPower),
            agreement = if (found.isEmpty()) null else byPart.fold(agreed / count) { least, share -> min(least, share) },
            flips = if (found.isNotEmpty() || broken) flips.toList() else emptyList(),
            nonFinite = nonFinite,
            heads = found,
            parts = parts.indices.flatMap { (if (it in sorted) rows[it] else parts[it])?.parts().orEmpty() },
        )
    }

    private class Answers(val head: Head, val counts: AnswerCounts)

    private fun cosine(): Double {
        if (referencePower == 0.0 && candidatePower == 0.0) return 1.0
        val norm = sqrt(referencePower) * sqrt(candidatePower)
        return if (norm == 0.0) 0.0 else max(-1.0, min(1.0, dot / norm))
    }
}

/** The ratio of two sums of squares in dB; null without an error, [INFINITE] below zero without a signal. */
internal fun signalToNoise(referencePower: Double, errorPower: Double): Double? = when {
    errorPower == 0.0 -> null
    referencePower == 0.0 -> -INFINITE
    else -> 10 * (log10(referencePower) - log10(errorPower))
}

internal fun isFinite(values: FloatArray): Boolean = values.all { it.isFinite() }
