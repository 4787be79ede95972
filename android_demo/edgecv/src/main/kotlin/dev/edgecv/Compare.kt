package dev.edgecv

import dev.edgecv.heads.Head
import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

private const val INFINITE = Double.MAX_VALUE // JSON has no infinity
private const val MOST_FLIPS = 100
private const val SMALL_SET = 20

/**
 * Sums over samples of how far an artifact's outputs are from the source's, as `edgecv verify` computes it. Of several heads a sample
 * agrees where all do that decide something.
 */
internal class ComparisonSum(heads: List<Head>) {
    private val deciding = heads.filter { it.decides }
    private var count = 0
    private var elements = 0L
    private var agreed = 0
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
        val finite = (reference + candidate).all { values -> values.all { it.isFinite() } }
        if (finite) reference.zip(candidate, ::addOutput)
        val same = finite && deciding.all { it.agree(reference[it.place], candidate[it.place]) }
        count += 1
        if (!finite) nonFinite += 1
        if (same) agreed += 1 else if (flips.size < MOST_FLIPS) flips += id
    }

    private fun addOutput(reference: FloatArray, candidate: FloatArray) {
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
        val decides = deciding.isNotEmpty()
        return Comparison(
            count = count,
            maxAbsError = if (broken) INFINITE else maxError,
            meanAbsError = if (broken) INFINITE else sumError / elements,
            cosine = if (broken) 0.0 else cosine(),
            snrDb = if (broken) -INFINITE else snr(),
            agreement = if (decides) agreed.toDouble() / count else null,
            flips = if (decides || broken) flips.toList() else emptyList(),
            nonFinite = nonFinite,
        )
    }

    private fun cosine(): Double {
        if (referencePower == 0.0 && candidatePower == 0.0) return 1.0
        val norm = sqrt(referencePower) * sqrt(candidatePower)
        return if (norm == 0.0) 0.0 else max(-1.0, min(1.0, dot / norm))
    }

    private fun snr(): Double? = when {
        errorPower == 0.0 -> null
        referencePower == 0.0 -> -INFINITE
        else -> 10 * (log10(referencePower) - log10(errorPower))
    }
}

/** The bars of the golden cases, as docs/gates.md lists them for what Android runs. */
internal object Gates {
    private class Limits(val agreement: Double, val snrDb: Double?)

    private val int8 = Limits(agreement = 0.90, snrDb = 8.0)
    private val limits = mapOf(
        "float32" to Limits(agreement = 0.995, snrDb = 60.0),
        "float16" to Limits(agreement = 0.99, snrDb = 35.0),
        "dynamic" to Limits(agreement = 0.93, snrDb = 10.0),
        "int8" to int8,
        "int16x8" to Limits(agreement = 0.95, snrDb = 20.0),
        "mixed" to int8,
    )
    private val trainedInt8 = Limits(agreement = 0.75, snrDb = null)

    /** @param trained whether the model was trained while it was quantized, which is meant to change answers. */
    fun of(precision: String, trained: Boolean, measured: Comparison): List<Gate> {
        val bar = if (trained && precision == "int8") trainedInt8 else limits[precision] ?: int8
        return listOfNotNull(snr(bar, measured), agreement(bar, measured))
    }

    private fun snr(bar: Limits, measured: Comparison): Gate? {
        val limit = bar.snrDb ?: return null
        val value = measured.snrDb
        val equal = value == null && measured.maxAbsError == 0.0
        val passed = equal || (value != null && value >= limit && measured.nonFinite == 0)
        return Gate("snr_db", "golden", limit, value?.takeIf { abs(it) < INFINITE }, passed)
    }

    /** A set of fewer than 20 samples may always have one that differs. */
    private fun agreement(bar: Limits, measured: Comparison): Gate? {
        val value = measured.agreement ?: return null
        val limit = if (measured.count < SMALL_SET) min(bar.agreement, 1 - 1.0 / measured.count) else bar.agreement
        return Gate("agreement", "golden", limit, value, value >= limit - 1e-12 && measured.nonFinite == 0)
    }
}
