package dev.edgecv

import dev.edgecv.heads.Head
import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

internal const val INFINITE = Double.MAX_VALUE // JSON has no infinity
private const val MOST_FLIPS = 100
private const val NEARLY = 0.9 // of a sample's whole numbers, which agree where so many are equal
private val WHOLE = listOf("int", "uint", "bool") // how the types of whole numbers begin

/**
 * Sums over samples of how far an artifact's outputs are from the source's, as `edgecv verify` computes it: over all values, and by head and
 * by part of each output. A sample agrees where all heads do that decide something. Whole numbers, such as indices, are equal or not.
 *
 * @param outputs the source's record of each output, in the order of the artifact's.
 */
internal class ComparisonSum(heads: List<Head>, outputs: List<TensorSpec>) {
    private val answers = heads.filter { it.decides }.map { HeadCounts(it) }
    private val wholes = heads.filter { head -> !head.decides && outputs[head.place].dtype.startsWithAny(WHOLE) }.map { WholeCounts(it) }
    private val parts = outputs.mapIndexed { place, output ->
        OutputSums(output.name, output.shape, byColumn = answers.none { output.name in it.head.spec.outputs })
            .takeIf { wholes.none { it.head.place == place } }
    }
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
        for (i in finite.indices) if (finite[i] && (parts[i] != null || onlyWhole)) addOutput(i, reference[i], candidate[i])
        val whole = finite.all { it }
        var same = whole
        for (head in answers) if (!head.add(reference, candidate, whole)) same = false
        count += 1
        if (!whole) nonFinite += 1
        val share = wholes.fold(if (same) 1.0 else 0.0) { least, head -> min(least, head.add(reference, candidate)) }
        agreed += share
        if (share < NEARLY && flips.size < MOST_FLIPS) flips += id
    }

    private fun addOutput(place: Int, reference: FloatArray, candidate: FloatArray) {
        parts[place]?.add(reference, candidate)
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
        val whole = wholes.map { it.result() }
        val decides = answers.isNotEmpty() || wholes.isNotEmpty()
        return Comparison(
            count = count,
            maxAbsError = if (broken) INFINITE else maxError,
            meanAbsError = if (broken) INFINITE else sumError / elements,
            cosine = if (broken) 0.0 else cosine(),
            snrDb = if (broken) -INFINITE else signalToNoise(referencePower, errorPower),
            agreement = if (decides) whole.fold(agreed / count) { least, head -> min(least, head.agreement) } else null,
            flips = if (decides || broken) flips.toList() else emptyList(),
            nonFinite = nonFinite,
            heads = answers.map { it.result() } + whole,
            parts = parts.flatMap { it?.parts().orEmpty() },
        )
    }

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

private fun String.startsWithAny(beginnings: List<String>): Boolean = beginnings.any { startsWith(it) }

internal fun isFinite(values: FloatArray): Boolean = values.all { it.isFinite() }
