package dev.edgecv

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

private const val GAP = 8.0 // columns this many times smaller than the largest of their group are of another kind
private const val FLOOR = 1e-6 // of the largest column's scale; what is smaller is noise beside it
private const val MATTERS = 0.05 // of the widest range among columns of one scale; a column that moves less is as good as constant
private const val FOLLOWED = 0.5 // of that range; where a column that moves so much is lost, a constant would be as near
private const val FACTOR = 0.2 // by which a slope may differ from 1
private const val EXPLAINED = 0.95 // of a column's error, from where on the slope is what is wrong
private const val SEVERAL = 20.0 // values like the ones that make a column's spread; the slope of a few says nothing
private const val STILL = 1e-6 // of a column's own magnitude; what moves less is rounding
private const val MOST_COLUMNS = 1024
private const val MOST_CHANNELS = 4 // of a picture
private const val SHOWN = 4 // of a scattered set of columns

/**
 * Sums over the values of one output, by column where columns may be of different kinds: boxes of 0..640 beside scores of 0..1 hide in one
 * ratio that the scores are wrong. The constants are those of Python's `edgecv_converters.parity.parts`.
 *
 * @param shape in the source's layout, batch included.
 * @param byColumn false for the output of a head that decides something: its columns are of one kind.
 */
internal class OutputSums(name: String, shape: List<Int>, byColumn: Boolean) {
    private val columns = (if (byColumn) columnAxes(shape) else emptyList()).map { axis ->
        val along = if (axis == shape.lastIndex) "" else " along axis $axis"
        ColumnSums(name, shape[axis], shape.drop(axis + 1).fold(1, Int::times), whole = false, numbers = true, along)
    }
        .ifEmpty { listOf(ColumnSums(name, 1, 1, whole = true, numbers = byColumn)) }

    /** Take in one sample, whose values are finite. */
    fun add(reference: FloatArray, candidate: FloatArray) = columns.forEach { it.add(reference, candidate) }

    /**
     * The groups of columns of one scale, along the axis on which the scales differ most; one group where all are of one. Columns of any
     * other axis that are constant or lost stand with the first group, where those of this one tell of nothing.
     */
    fun parts(): List<PartComparison> {
        val grouped = columns.maxBy(ColumnSums::spread)
        val parts = grouped.parts()
        if (parts.any { it.constant.isNotEmpty() || it.lost.isNotEmpty() }) return parts
        val more = columns.filter { it !== grouped }.flatMap(ColumnSums::parts)
        val first = parts.first()
        return listOf(first.copy(constant = more.flatMap { it.constant }, lost = more.flatMap { it.lost })) + parts.drop(1)
    }
}

/**
 * Sums over the values of one output by its columns along one axis.
 *
 * @param stride how far apart the values of neighbouring columns lie.
 * @param whole whether all values are one column.
 * @param along the axis in words, where it is not the last one.
 * @param numbers whether the values mean themselves, so that a column may be lost: what is decided by is judged by its decisions.
 */
private class ColumnSums(
    private val name: String,
    private val count: Int,
    private val stride: Int,
    private val whole: Boolean,
    private val numbers: Boolean,
    private val along: String = "",
) {
    private var values = 0L // in each column
    private val firsts = DoubleArray(count) // the source's first value, without which the moments are taken
    private val moments = Array(count) { Moments() }
    private val referencePower = DoubleArray(count)
    private val errorPower = DoubleArray(count)
    private val source = Ranges(count)
    private val artifact = Ranges(count)

    fun add(reference: FloatArray, candidate: FloatArray) {
        if (values == 0L) firsts.indices.forEach { firsts[it] = reference[it * stride].toDouble() }
        values += reference.size / count
        for (i in reference.indices) {
            val column = i / stride % count
            val expected = reference[i].toDouble()
            val got = candidate[i].toDouble()
            moments[column].add(expected - firsts[column], got - firsts[column])
            referencePower[column] += expected * expected
            errorPower[column] += (expected - got) * (expected - got)
            source.add(column, expected)
            artifact.add(column, got)
        }
    }

    /** How many times larger the largest scale of a column is than the least that is no noise beside it. */
    fun spread(): Double {
        val scale = referencePower.map(::sqrt)
        val counted = scale.filter { it > FLOOR * scale.max() }
        return if (counted.isEmpty()) 1.0 else counted.max() / counted.min()
    }

    /** The groups of columns of one scale, the one of the largest first; one group where all are of one. */
    fun parts(): List<PartComparison> {
        val groups = groups()
        return groups.map { columns ->
            PartComparison(
                part = if (groups.size == 1) name else name + placeWords(columns),
                snrDb = signalToNoise(columns.sumOf { referencePower[it] }, columns.sumOf { errorPower[it] }),
                constant = constant(columns).map(::columnName),
                lost = lost(columns).map(::columnName),
            )
        }
    }

    private fun groups(): List<List<Int>> {
        val scale = DoubleArray(count) { sqrt(referencePower[it]) }
        val order = scale.indices.sortedByDescending { scale[it] }
        val groups = arrayListOf(mutableListOf(order[0]))
        for (column in order.drop(1)) {
            when {
                scale[column] <= FLOOR * scale[order[0]] -> groups[0] += column // its own power is noise; its error counts among the largest
                scale[groups.last()[0]] > GAP * scale[column] -> groups += mutableListOf(column)
                else -> groups.last() += column
            }
        }
        return groups.map { it.sorted() }
    }

    /** The columns that vary in the source and are constant in the artifact. */
    private fun constant(columns: List<Int>): List<Int> = moving(columns, MATTERS).filter { artifact.width(it) == 0.0 }

    /**
     * The columns that follow the source no better than its mean does (their coefficient of determination is at most 0), or by another
     * factor.
     */
    private fun lost(columns: List<Int>): List<Int> {
        if (!numbers) return emptyList()
        val found = moving(columns, FOLLOWED).filter { errorPower[it] >= moments[it].spread(values) || moments[it].isScaled(values) }
        return found - constant(columns).toSet()
    }

    /** Those columns of one group whose range in the source is over a share of the widest, and no rounding. */
    private fun moving(columns: List<Int>, share: Double): List<Int> {
        val widest = max(0.0, columns.maxOf { source.width(it) })
        return columns.filter { source.width(it) > share * widest && source.width(it) > STILL * source.magnitude(it) }
    }

    private fun columnName(column: Int): String = if (whole) name else "$name[$column]$along"
}

/** Sums of the powers of a column's values, less the source's first one: of the source, of the artifact, and of both. */
private class Moments {
    private var sum = 0.0
    private var power = 0.0
    private var cubes = 0.0
    private var fourths = 0.0
    private var theirSum = 0.0
    private var theirPower = 0.0
    private var common = 0.0

    fun add(moved: Double, theirs: Double) {
        val square = moved * moved
        sum += moved
        power += square
        cubes += square * moved
        fourths += square * square
        theirSum += theirs
        theirPower += theirs * theirs
        common += moved * theirs
    }

    /** The sum of squares of the source's values about their mean. */
    fun spread(values: Long): Double = power - sum * sum / max(1L, values)

    /** Says whether the artifact's values are, but for their mean, the source's times a factor that is not 1. */
    fun isScaled(values: Long): Boolean {
        val count = max(1L, values).toDouble()
        val mean = sum / count
        val source = power - mean * sum
        val artifact = theirPower - theirSum * theirSum / count
        val both = common - mean * theirSum
        val slope = both / source
        val error = artifact - 2 * both + source
        val rest = artifact - slope * both
        val fourth = fourths - 4 * mean * cubes + 6 * (mean * mean) * power - 3 * count * (mean * mean * (mean * mean))
        return abs(slope - 1) > FACTOR && rest <= (1 - EXPLAINED) * error && source * source >= SEVERAL * fourth
    }
}

/** The least and the highest value of each column. */
private class Ranges(count: Int) {
    private val lows = DoubleArray(count) { Double.POSITIVE_INFINITY }
    private val highs = DoubleArray(count) { Double.NEGATIVE_INFINITY }

    fun add(column: Int, value: Double) {
        lows[column] = min(lows[column], value)
        highs[column] = max(highs[column], value)
    }

    fun width(column: Int): Double = highs[column] - lows[column]

    fun magnitude(column: Int): Double = max(abs(lows[column]), abs(highs[column]))
}

/**
 * The axes that may count columns of different kinds: the last one; the second of (1, 9, 60) or (1, 85, 13, 13). An output of four axes with few
 * channels last, or whose second and third are equal, is a picture or a grid, whose rows are no columns. An axis with one place, or with too many,
 * is none.
 */
private fun columnAxes(shape: List<Int>): List<Int> {
    val last = shape.size - 1
    if (last < 1) return emptyList()
    val picture = shape.size == 4 && (shape[last] <= MOST_CHANNELS || shape[1] == shape[2])
    val axes = if (last == 1 || picture) listOf(last) else listOf(last, 1)
    return axes.filter { shape[it] in 2..MOST_COLUMNS }
}

/** Columns as an index: `[0:4]`, `[7]`, or the first few of a scattered set. */
internal fun placeWords(columns: List<Int>): String {
    val first = columns.first()
    val last = columns.last()
    if (last - first + 1 == columns.size) return if (first == last) "[$first]" else "[$first:${last + 1}]"
    return "[${columns.take(SHOWN).joinToString()}${if (columns.size > SHOWN) ", ..." else ""}]"
}
