package dev.edgecv.demo

import dev.edgecv.Verdict
import dev.edgecv.bench.Result
import dev.edgecv.bench.Row
import java.util.Locale

/** Numbers and answers as lines of text. */
object Lines {
    /** "cat  97.2 %". Values of a regression are no shares: they are shown as they are. */
    fun answer(label: String, score: Float, share: Boolean): String =
        if (share) "$label  ${number(100.0 * score, 1)} %" else "$label  ${number(score.toDouble(), 4)}"

    /** "1.20 ms before, 3.41 ms model, 0.01 ms after". */
    fun times(preprocessNs: Long, inferenceNs: Long, postprocessNs: Long): String =
        "preprocess ${ms(preprocessNs)}, model ${ms(inferenceNs)}, postprocess ${ms(postprocessNs)}"

    /** Whether this device agrees, with the numbers. */
    fun verdict(verdict: Verdict): String {
        val count = verdict.comparison.count
        val head = if (verdict.passed) "This device agrees" else "This device does NOT agree"
        val pictures = if (verdict.pictures == 0) "" else
            ", ${verdict.picturesEqual} of ${verdict.pictures} pictures preprocessed to the same bits"
        val agreement = verdict.comparison.agreement?.let { ", top-1 equal in ${number(100 * it, 1)} %" }.orEmpty()
        val noise = verdict.comparison.snrDb?.let { "SNR ${number(it, 1)} dB" } ?: "equal to the bit"
        val reasons = verdict.reasons.joinToString("") { "\n$it" }
        return "$head with the trained model on $count golden cases: $noise$agreement$pictures$reasons"
    }

    /** One line for each row of a benchmark. */
    fun result(result: Result): String = result.rows.joinToString("\n") { row(it) } +
        result.unstable.joinToString("") { "\nnot to be relied on: $it" }

    private fun row(row: Row): String {
        val inference = row.inference
        val total = row.total
        if (inference == null || total == null) return "${row.title}: not run: ${row.notRun.orEmpty()}"
        return "${row.title}: model ${us(inference.p50Us)} (p90 ${us(inference.p90Us)}), in all ${us(total.p50Us)}"
    }

    /** A problem and what to do about it. */
    fun problem(message: String, hint: String?): String =
        message.replaceFirstChar { it.uppercase() } + "." + hint?.let { "\n$it." }.orEmpty()

    private fun ms(ns: Long): String = "${number(ns / 1e6, 2)} ms"

    private fun us(us: Double): String = "${number(us / 1e3, 2)} ms"

    private fun number(value: Double, digits: Int): String = String.format(Locale.ROOT, "%.${digits}f", value)
}
