package dev.edgecv

import dev.edgecv.heads.Canvas
import dev.edgecv.heads.Head
import dev.edgecv.heads.HeadForm
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import java.io.File
import kotlin.math.abs
import kotlin.test.assertEquals
import kotlin.test.assertTrue

internal const val SUMS = 1e-9 // of sums that NumPy adds up in another order

/** A fault that Python planted in one output, the name that is to be blamed, and Python's judgement; null stands for a NaN. */
@Serializable
internal data class Plant(val output: String, val blamed: String, val values: List<List<Float?>>, val proof: Parity)

/** The outputs of a source and of a good artifact, a row a sample; how the good one was [recorded] when it was made; and the faults of others. */
@Serializable
internal data class Proofs(
    val precision: String,
    val canvas: List<Int>? = null,
    val heads: List<HeadSpec>,
    val outputs: List<TensorSpec>,
    val source: Map<String, List<List<Float?>>>,
    val good: Map<String, List<List<Float?>>>,
    val proof: Parity,
    val recorded: Parity,
    val plants: List<Plant>,
) {
    /** What an artifact with these outputs measures. */
    fun compare(candidate: Map<String, List<List<Float?>>>): Comparison {
        val names = outputs.map { it.name }
        val byName = outputs.associateBy { it.name }
        val opened = heads.map { head ->
            val own = head.outputs.map(byName::getValue)
            Head.open(HeadForm(head, own.map { it.shape }, own.map { it.dtype }, canvas?.let { (height, width) -> Canvas(height, width) }), names)
        }
        val sum = ComparisonSum(opened, outputs)
        for (row in source.getValue(names[0]).indices) {
            sum.add("$row", names.map { numbers(source.getValue(it)[row]) }, names.map { numbers(candidate.getValue(it)[row]) })
        }
        return sum.result()
    }

    private fun numbers(values: List<Float?>) = FloatArray(values.size) { values[it] ?: Float.NaN }

    companion object {
        fun read(name: String): Proofs = Json.decodeFromString(File(Bundles.folder, name).readText())
    }
}

/** A comparison and its gates are Python's: names and words to the letter, numbers within a part of themselves. */
internal fun assertSame(python: Parity, comparison: Comparison, gates: List<Gate>, reasons: List<String>, tolerance: Double) {
    val wanted = python.comparisons.getValue("golden")
    fun same(first: Double?, second: Double?, what: String) {
        if (first == null || second == null) return assertEquals(first, second, what)
        assertTrue(abs(first - second) <= tolerance * maxOf(1.0, abs(first)), "$what is $second, in Python $first")
    }
    assertEquals(wanted.heads.map { it.head to it.never }, comparison.heads.map { it.head to it.never })
    wanted.heads.zip(comparison.heads) { first, second ->
        same(first.agreement, second.agreement, "the agreement of ${first.head}")
        assertEquals(first.measured.keys, second.measured.keys)
        for ((name, value) in first.measured) same(value, second.measured[name], "$name of ${first.head}")
    }
    assertEquals(wanted.parts.map { Triple(it.part, it.constant, it.lost) }, comparison.parts.map { Triple(it.part, it.constant, it.lost) })
    wanted.parts.zip(comparison.parts) { first, second -> same(first.snrDb, second.snrDb, "the ratio of ${first.part}") }
    same(wanted.snrDb, comparison.snrDb, "the ratio of all")
    same(wanted.maxAbsError, comparison.maxAbsError, "the largest error")
    same(wanted.meanAbsError, comparison.meanAbsError, "the mean error")
    same(wanted.cosine, comparison.cosine, "the cosine")
    same(wanted.agreement, comparison.agreement, "the agreement of all")
    assertEquals(wanted.count to wanted.nonFinite, comparison.count to comparison.nonFinite)
    assertEquals(wanted.flips, comparison.flips)
    assertEquals(python.gates.map { it.copy(value = null) }, gates.map { it.copy(value = null) })
    python.gates.zip(gates) { first, second -> same(first.value, second.value, "${first.name} of ${first.subject}") }
    assertEquals(python.reason, reasons.joinToString("; ").ifEmpty { null })
}
