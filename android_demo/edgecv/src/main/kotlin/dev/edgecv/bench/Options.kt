package dev.edgecv.bench

import dev.edgecv.BenchException
import dev.edgecv.StrictJson
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable

private const val MOST_THREADS = 256

/**
 * The options of a benchmark, as `edgecv bench` sends them: what to measure and for how long.
 *
 * @property targets only these formats; empty: all.
 * @property backends only these ("litert", "litert-gpu", "onnx"); empty: all that run on the CPU.
 * @property threads one row each; empty: one thread, and as many as there are cores.
 * @property rounds turns of every row, in turn with the others.
 * @property seconds of measuring a row in all its turns.
 * @property warmUpSeconds the most that warming up one row may take.
 * @property sustainedSeconds how long a row runs alone at the end; 0: not at all.
 * @property sustainAll every row, in place of the fastest int8 row.
 * @property peaks is the computer's own affair: nothing is measured for it here.
 * @property profile likewise: a computer that wants profiles does not ask a phone.
 */
@Serializable
public data class Options(
    val targets: List<String> = emptyList(),
    val precisions: List<String> = emptyList(),
    val backends: List<String> = emptyList(),
    val threads: List<Int> = emptyList(),
    val rounds: Int = 20,
    val seconds: Double = 2.0,
    @SerialName("warm_up_seconds") val warmUpSeconds: Double = 5.0,
    @SerialName("sustained_seconds") val sustainedSeconds: Double = 0.0,
    @SerialName("sustain_all") val sustainAll: Boolean = false,
    val peaks: Boolean = true,
    val profile: Boolean = false,
) {
    init {
        need(threads.all { it in 1..MOST_THREADS }, "threads must be 1 to $MOST_THREADS, got $threads")
        need(rounds >= 2, "rounds must be at least 2, got $rounds")
        need(seconds >= 0.001 && seconds.isFinite(), "seconds must be at least 0.001, got $seconds")
        need(warmUpSeconds >= 0 && warmUpSeconds.isFinite(), "warm_up_seconds must be at least 0, got $warmUpSeconds")
        need(sustainedSeconds >= 0 && sustainedSeconds.isFinite(), "sustained_seconds must be at least 0, got $sustainedSeconds")
    }

    internal val turnSeconds: Double get() = seconds / rounds

    internal fun threadCounts(): List<Int> = threads.ifEmpty { listOf(1, Device.cores()) }.distinct()

    /** Reads options. */
    public companion object {
        /**
         * From the JSON that the extra `edgecv.options` holds in base64.
         *
         * @throws BenchException it is not this record, or a number is out of its range.
         */
        public fun parse(json: String): Options = try {
            StrictJson.decode(json, serializer(), "the options")
        } catch (error: dev.edgecv.BundleException) {
            throw BenchException(error.message, "Is the app of the same version as edgecv?")
        }

        private fun need(holds: Boolean, message: String) {
            if (!holds) throw BenchException(message)
        }
    }
}
