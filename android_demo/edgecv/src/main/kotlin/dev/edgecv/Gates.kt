package dev.edgecv

import java.math.BigDecimal
import java.math.MathContext
import java.math.RoundingMode
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

private const val GOLDEN = "golden"
private const val SMALL_SET = 20
private const val FALL = 7.0 // dB, by which a ratio may lie below the recorded one
private const val COUNTED = 40.0 // dB, about one int8 step in every value; a higher ratio is counted as this one
private const val SHOWN = 4 // names in a gate's subject
private const val LIMIT_DIGITS = 6
private const val VALUE_DIGITS = 4

/** The bars of the golden cases, as docs/gates.md lists them for what Android runs. */
internal object Gates {
    private class Limits(val agreement: Double, val snrDb: Double?, meanIou: Double, psnrDb: Double) {
        /** The bars of what kinds of heads measure besides their agreement. */
        val measured = mapOf("mean_iou" to meanIou, "psnr_db" to psnrDb)
    }

    private val int8 = Limits(agreement = 0.90, snrDb = 8.0, meanIou = 0.80, psnrDb = 22.0)
    private val limits = mapOf(
        "float32" to Limits(agreement = 0.995, snrDb = 60.0, meanIou = 0.98, psnrDb = 45.0),
        "float16" to Limits(agreement = 0.99, snrDb = 35.0, meanIou = 0.97, psnrDb = 40.0),
        "dynamic" to Limits(agreement = 0.93, snrDb = 10.0, meanIou = 0.80, psnrDb = 22.0),
        "int8" to int8,
        "int16x8" to Limits(agreement = 0.95, snrDb = 20.0, meanIou = 0.90, psnrDb = 30.0),
        "mixed" to int8,
    )
    private val readOfValues = setOf("snr_db", "agreement") + int8.measured.keys
    private val trainedInt8 = Limits(agreement = 0.75, snrDb = null, meanIou = 0.60, psnrDb = 20.0)

    /**
     * Hold what was measured against the bars: every head that decides something by its own agreement, every output, and every group of its
     * columns, by its own signal-to-noise ratio. Where there is one alone its gate has no subject. Masks and pictures have a bar of their own.
     *
     * @param trained true if the model was trained while it was quantized, which is meant to change answers.
     * @param recorded the artifact's proofs from when it was made, one for each way in which it was run: no part may fall far below the lowest.
     */
    fun of(precision: String, trained: Boolean, measured: Comparison, recorded: List<Parity>): List<Gate> {
        val bar = if (trained && precision == "int8") trainedInt8 else limits[precision] ?: int8
        return snr(bar, measured) + agreement(bar, measured) + besides(bar, measured) + constant(measured) + falls(measured, recorded)
    }

    /**
     * A gate for each part of an output; none where nothing was recorded. A part that was not among it fails. The largest set of samples counts
     * as the golden cases do: eight of them may have had a high ratio by luck.
     */
    private fun falls(measured: Comparison, recorded: List<Parity>): List<Gate> {
        val sets = recorded.map { it.comparisons }.filter { GOLDEN in it }
        val made = sets.flatMap { found -> listOf(found.getValue(GOLDEN), found.values.maxBy { it.count }) }
        val known = made.filter { it.parts.isNotEmpty() }.map { one -> one.parts.associate { it.part to counted(it.snrDb) } }
        if (known.isEmpty()) return emptyList()
        return measured.parts.map { part ->
            val before = known.mapNotNull { it[part.part] }.minOrNull().takeIf { measured.nonFinite == 0 }
            val fall = if (before == null) INFINITE else max(0.0, before - counted(part.snrDb))
            Gate("fall_db", GOLDEN, FALL, fall.takeIf { it < INFINITE }, fall <= FALL, part.part)
        }
    }

    private fun counted(ratio: Double?): Double = if (ratio == null) COUNTED else min(ratio, COUNTED)

    private fun snr(bar: Limits, measured: Comparison): List<Gate> {
        val limit = bar.snrDb ?: return emptyList()
        if (measured.heads.isNotEmpty() && measured.parts.isEmpty()) return emptyList() // nothing but whole numbers
        val parts = measured.parts.takeIf { it.size > 1 }?.map { it.part to it.snrDb } ?: listOf(null to measured.snrDb)
        return parts.map { (part, value) ->
            val enough = if (value == null) part != null || measured.maxAbsError == 0.0 else value >= limit
            Gate("snr_db", GOLDEN, limit, value?.takeIf { abs(it) < INFINITE }, enough && measured.nonFinite == 0, part)
        }
    }

    /** A set of fewer than 20 samples may always have one that differs. */
    private fun agreement(bar: Limits, measured: Comparison): List<Gate> {
        val all = measured.agreement ?: return emptyList()
        val several = measured.heads.size > 1
        val heads = measured.heads.map { (if (several) it.head else null) to it.agreement }.ifEmpty { listOf(null to all) }
        val limit = if (measured.count < SMALL_SET) min(bar.agreement, 1 - 1.0 / measured.count) else bar.agreement
        return heads.map { (head, value) ->
            Gate("agreement", GOLDEN, limit, value, value >= limit - 1e-12 && measured.nonFinite == 0, head)
        }
    }

    /** A gate for each thing that a head measures besides its agreement. */
    private fun besides(bar: Limits, measured: Comparison): List<Gate> = measured.heads.flatMap { head ->
        bar.measured.mapNotNull { (name, limit) ->
            head.measured[name]?.let { value ->
                Gate(name, GOLDEN, limit, value, value >= limit && measured.nonFinite == 0, head.head.takeIf { measured.heads.size > 1 })
            }
        }
    }

    /** A gate that fails where something varies in the source alone: a total over all columns does not show it. */
    private fun constant(measured: Comparison): List<Gate> {
        val still = measured.parts.flatMap { it.constant }
        val lost = measured.parts.flatMap { it.lost }
        val never = measured.heads.flatMap { head -> head.never.map { "$it of ${head.head}" } }
        return listOf("constant" to still, "lost" to lost, "never" to never).filter { (_, found) -> found.isNotEmpty() }.map { (name, found) ->
            val more = if (found.size > SHOWN) " and ${found.size - SHOWN} more" else ""
            Gate(name, GOLDEN, 0.0, found.size.toDouble(), false, found.take(SHOWN).joinToString() + more)
        }
    }

    /** The reasons, in `edgecv verify`'s words, why an artifact does not pass. What is not finite is one for all gates that are read of values. */
    fun reasons(gates: List<Gate>, measured: Comparison): List<String> {
        val missed = gates.filter { !it.passed }
        val (ofValues, others) = missed.partition { measured.nonFinite > 0 && it.name in readOfValues }
        val broken = "${measured.nonFinite} of ${measured.count} answers are not finite: NaN or infinite (on $GOLDEN)"
        return listOfNotNull(broken.takeIf { ofValues.isNotEmpty() }) + others.map(::reason)
    }

    private fun reason(gate: Gate): String = when (gate.name) {
        "constant" -> "${gate.subject} varies in the source and is constant in the artifact (on ${gate.on})"
        "lost" -> "${gate.subject} follows the source no better than a constant does, or by another factor (on ${gate.on})"
        "never" -> "the artifact never answers ${gate.subject}, which the source does (on ${gate.on})"
        "fall_db" -> {
            val other = "what was recorded when the artifact was made (on ${gate.on})"
            val fall = gate.value?.let { "is ${general(it, VALUE_DIGITS)} dB below $other, the gate is ${general(gate.limit, LIMIT_DIGITS)} dB" }
            "the signal-to-noise ratio of ${gate.subject} " + (fall ?: "cannot be held against $other: one of them is not finite or not measured")
        }
        else -> {
            val value = gate.value?.let { general(it, VALUE_DIGITS) } ?: "not measured"
            val subject = gate.subject?.let { " of $it" }.orEmpty()
            "${gate.name}$subject is $value on ${gate.on}, the gate is ${general(gate.limit, LIMIT_DIGITS)}"
        }
    }
}

/** A number as C's and Python's `%.{digits}g` writes it: 0.875, 43.7, 1e-05. */
internal fun general(value: Double, digits: Int): String {
    if (value == 0.0) return "0"
    val rounded = BigDecimal(value).round(MathContext(digits, RoundingMode.HALF_EVEN))
    val exponent = rounded.precision() - rounded.scale() - 1
    if (exponent in -4 until digits) return rounded.stripTrailingZeros().toPlainString()
    val mantissa = rounded.movePointLeft(exponent).stripTrailingZeros().toPlainString()
    return "${mantissa}e${if (exponent < 0) "-" else "+"}${abs(exponent).toString().padStart(2, '0')}"
}
