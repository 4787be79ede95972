package dev.edgecv.bench

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max

private const val MOST_SAMPLES = 400

/** Times that are added without boxing. */
internal class Times {
    private var values = DoubleArray(1024)

    var size = 0
        private set

    fun add(value: Double) {
        if (size == values.size) values = values.copyOf(2 * size)
        values[size++] = value
    }

    fun toArray(): DoubleArray = values.copyOf(size)
}

/** The figures of times in microseconds, in order of time. */
internal fun latency(times: DoubleArray): Latency {
    val sorted = times.sortedArray()
    return Latency(
        count = times.size,
        minUs = tidy(sorted[0]),
        meanUs = tidy(times.average()),
        p50Us = tidy(percentile(sorted, 50.0)),
        p90Us = tidy(percentile(sorted, 90.0)),
        p99Us = tidy(percentile(sorted, 99.0)),
        samplesUs = thinned(times).map(::tidy),
    )
}

/** A percentile q of sorted values lies at q / 100 * (n - 1), linearly between its neighbours. */
internal fun percentile(sorted: DoubleArray, q: Double): Double {
    val at = q / 100 * (sorted.size - 1)
    val low = floor(at).toInt()
    val high = minOf(low + 1, sorted.size - 1)
    return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
}

internal fun median(values: DoubleArray): Double = percentile(values.sortedArray(), 50.0)

/** Evenly over the order of time, the first among them. */
private fun thinned(values: DoubleArray): List<Double> =
    if (values.size <= MOST_SAMPLES) values.toList() else List(MOST_SAMPLES) { values[(it.toLong() * values.size / MOST_SAMPLES).toInt()] }

/** Without digits that no clock has: a thousandth of a microsecond. */
internal fun tidy(value: Double): Double = Math.rint(value * 1000) / 1000

private const val WINDOW = 3 // turns
private const val SETTLED = 0.03 // how far the medians of two windows may be apart

/** The turns that two windows take. */
internal const val TWO_WINDOWS: Int = 2 * WINDOW

/** Whether the median of the last turns is within 3 % of the median of those before. */
internal fun settled(medians: List<Double>): Boolean {
    if (medians.size < TWO_WINDOWS) return false
    val last = median(medians.takeLast(WINDOW).toDoubleArray())
    val before = median(medians.takeLast(TWO_WINDOWS).take(WINDOW).toDoubleArray())
    return abs(last - before) <= SETTLED * before
}

/** The median of the second half of the turns over that of the first half, minus 1; null for a single turn. */
internal fun drift(medians: List<Double>): Double? {
    val half = medians.size / 2
    if (half == 0) return null
    val change = median(medians.takeLast(half).toDoubleArray()) / max(median(medians.take(half).toDoubleArray()), 1e-9) - 1
    return Math.rint(change * 1e5) / 1e5
}

private const val MOST_DRIFT = 0.05
private const val LOAD_PER_CORE = 0.5

/** Everything that speaks against these numbers, a sentence each. */
internal fun reasonsAgainst(rows: List<Row>, machine: Machine): List<String> {
    val reasons = ArrayList<String>()
    val load = machine.loadBefore
    if (load != null && load > LOAD_PER_CORE * machine.cores) {
        reasons += "the load average was $load on ${machine.cores} cores before it began"
    }
    if (machine.throttled == true) reasons += "the device slowed down because of heat"
    for (row in rows.filter { it.notRun == null }) {
        val warmUp = row.warmUp
        if (warmUp != null && !warmUp.stable) reasons += "${row.title}: the warm-up did not settle within ${warmUp.seconds} s"
        val drift = row.drift
        if (drift != null && abs(drift) > MOST_DRIFT) {
            reasons += "${row.title}: p50 changed by ${Math.rint(drift * 1000) / 10} % from the first half of the turns to the second"
        }
    }
    return reasons
}
