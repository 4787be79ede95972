package dev.edgecv.demo

import dev.edgecv.Answer
import dev.edgecv.Comparison
import dev.edgecv.PictureAnswer
import dev.edgecv.PointsAnswer
import dev.edgecv.Verdict
import dev.edgecv.bench.Result
import dev.edgecv.bench.Row
import java.math.BigDecimal
import java.math.MathContext
import java.util.Locale

/** Numbers and answers as lines of text. */
object Lines {
    private const val MOST_CLASSES = 3
    private const val MOST_VALUES = 8
    private val DIGITS = MathContext(4) // of values

    /** The answers of all heads. Each begins with the head's title; without one, with its name where there are several heads. */
    fun answers(answers: List<Answer>): String = answers.joinToString("\n") { answer ->
        val head = answer.head
        val title = head.title ?: head.name.takeIf { answers.size > 1 }
        (listOfNotNull(title) + answer(answer)).joinToString("\n")
    }

    /** "cat  97.2 %" for each class or box that is shown, "nose  12.5, 30.0" for a point; a regression's values have their unit. */
    fun answer(answer: Answer): List<String> = when {
        answer is PointsAnswer -> points(answer)
        answer is PictureAnswer -> listOf(Words.picture(answer.width, answer.height))
        answer.head.kind.hasShares -> shares(answer)
        else -> values(answer)
    }

    private fun shares(answer: Answer): List<String> =
        answer.shown(MOST_CLASSES).map { "${it.label}  ${share(it.score)}" }.ifEmpty { listOf(Words.NO_LABEL_HOLDS) }

    private fun points(answer: PointsAnswer): List<String> {
        val shown = answer.points.take(MOST_VALUES).mapIndexed { number, point ->
            "${answer.head.label(number)}  ${number(point.x.toDouble(), 1)}, ${number(point.y.toDouble(), 1)}"
        }
        return if (shown.size < answer.points.size) shown + Words.values(answer.points.size) else shown
    }

    /** "97.2 %"; what is no share, as it is. */
    fun share(score: Float): String = if (score in 0f..1f) "${number(100.0 * score, 1)} %" else value(score)

    private fun values(answer: Answer): List<String> {
        val head = answer.head
        val count = answer.scores.size
        val unit = head.unit?.let { " $it" }.orEmpty()
        val shown = answer.shown(MOST_VALUES).map { top ->
            val label = if (count == 1 && head.labels == null) "" else "${top.label}  "
            label + value(top.score) + unit
        }
        return if (shown.size < count) shown + Words.values(count) else shown
    }

    private fun value(value: Float): String =
        if (value.isInfinite() || value.isNaN()) "$value" else BigDecimal("$value").round(DIGITS).stripTrailingZeros().toPlainString()

    /** The file and the runtime that answer, then a line for each part of the bundle that was left out. */
    fun facts(title: String, leftOut: List<String>): String = (listOf(title) + leftOut.map { Words.leftOut(it) }).joinToString("\n")

    /** "1.20 ms before, 3.41 ms model, 0.01 ms after". */
    fun times(preprocessNs: Long, inferenceNs: Long, postprocessNs: Long): String =
        "preprocess ${ms(preprocessNs)}, model ${ms(inferenceNs)}, postprocess ${ms(postprocessNs)}"

    /** The outcome of the self-test, with its numbers: those of the worst head and the worst part of an output, named where there are several. */
    fun verdict(verdict: Verdict): String {
        val count = verdict.comparison.count
        val head = if (verdict.passed) "This device agrees" else "This device does NOT agree"
        val pictures = if (verdict.pictures == 0) "" else
            ", ${verdict.picturesEqual} of ${verdict.pictures} pictures preprocessed to the same bits"
        val reasons = verdict.reasons.joinToString("") { "\n$it" }
        return "$head with the trained model on $count golden cases: ${noise(verdict.comparison)}${agreement(verdict.comparison)}$pictures$reasons"
    }

    private fun noise(measured: Comparison): String {
        val worst = measured.parts.minByOrNull { it.snrDb ?: Double.MAX_VALUE }
        val ratio = (if (worst == null) measured.snrDb else worst.snrDb) ?: return "equal to the bit"
        if (measured.nonFinite > 0 || ratio == -Double.MAX_VALUE) return "SNR not measured"
        return "SNR ${number(ratio, 1)} dB" + worst?.part?.takeIf { measured.parts.size > 1 }?.let { " ($it)" }.orEmpty()
    }

    private fun agreement(measured: Comparison): String {
        val worst = measured.heads.minByOrNull { it.agreement }
        val share = (if (worst == null) measured.agreement else worst.agreement) ?: return ""
        return ", answers equal in ${number(100 * share, 1)} %" + worst?.head?.takeIf { measured.heads.size > 1 }?.let { " ($it)" }.orEmpty()
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
