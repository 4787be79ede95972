package dev.edgecv.bench

import dev.edgecv.Format
import kotlinx.serialization.EncodeDefault
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json

/** The schema version of the result that this library writes. */
public const val RESULT_VERSION: Int = 1

/** The durations of one stage in microseconds; `samplesUs` are at most 400 of the values, evenly over time. */
@Serializable
public data class Latency(
    val count: Int,
    @SerialName("min_us") val minUs: Double,
    @SerialName("mean_us") val meanUs: Double,
    @SerialName("p50_us") val p50Us: Double,
    @SerialName("p90_us") val p90Us: Double,
    @SerialName("p99_us") val p99Us: Double,
    @SerialName("samples_us") val samplesUs: List<Double> = emptyList(),
)

/** The warm-up, none of which counts; `stable` is false where time was up before it settled. */
@Serializable
public data class WarmUp(val turns: Int, val count: Int, val seconds: Double, val stable: Boolean)

/** The runtime that really ran an artifact. */
@Serializable
public data class Library(val name: String, val version: String, val providers: List<String>)

/** p50 and p90 of the `count` inferences that began from `second` on, without a pause. */
@Serializable
public data class Sustained(
    val second: Double,
    val count: Int,
    @SerialName("p50_us") val p50Us: Double,
    @SerialName("p90_us") val p90Us: Double,
)

/** One artifact on one backend with so many threads; where `notRun` has a reason, nothing was measured. */
@Serializable
public data class Row(
    val artifact: String,
    val target: Format,
    val precision: String,
    val sha256: String,
    val bytes: Long,
    val backend: String,
    val threads: Int,
    @SerialName("not_run") val notRun: String? = null,
    val library: Library? = null,
    val batch: Int = 1,
    @SerialName("load_us") val loadUs: Double? = null,
    @SerialName("cold_us") val coldUs: Double? = null,
    val preprocess: Latency? = null,
    val inference: Latency? = null,
    val postprocess: Latency? = null,
    val total: Latency? = null,
    @SerialName("per_second") val perSecond: Double? = null,
    @SerialName("inferences_per_second") val inferencesPerSecond: Double? = null,
    @SerialName("warm_up") val warmUp: WarmUp? = null,
    val drift: Double? = null,
    @SerialName("turn_p50_us") val turnP50Us: List<Double> = emptyList(),
    @SerialName("multiply_adds_per_second") val multiplyAddsPerSecond: Double? = null,
    val sustained: List<Sustained> = emptyList(),
) {
    /** The row's name for people, such as "tflite int8 on litert, 2 threads". */
    val title: String
        get() = "${target.title} $precision on $backend, $threads thread${if (threads == 1) "" else "s"}"
}

/** The machine that was measured. [Device.facts] fills what Linux tells; an app adds the model's name. */
@Serializable
public data class Machine(
    val cpu: String,
    val architecture: String,
    val cores: Int,
    val system: String,
    val model: String? = null,
    val flags: List<String> = emptyList(),
    val governors: List<String> = emptyList(),
    val mhz: Double? = null,
    @SerialName("memory_bytes") val memoryBytes: Long? = null,
    @SerialName("load_before") val loadBefore: Double? = null,
    @SerialName("load_after") val loadAfter: Double? = null,
    @SerialName("celsius_before") val celsiusBefore: Double? = null,
    @SerialName("celsius_after") val celsiusAfter: Double? = null,
    val throttled: Boolean? = null,
    val versions: Map<String, String> = emptyMap(),
)

/** The place that the numbers are from: this device, or another that is named. */
@Serializable
public data class Place(val kind: String = "here", val name: String? = null)

/** The settings of the measurement. */
@Serializable
public data class Settings(
    val rounds: Int,
    val seconds: Double,
    @SerialName("warm_up_seconds") val warmUpSeconds: Double,
    @SerialName("sustained_seconds") val sustainedSeconds: Double,
    val threads: List<Int>,
    val input: String,
    val data: String,
    val inputs: Int,
)

/** A whole benchmark of one bundle on this device, by the schema of `edgecv bench`; [task] are the kinds of its heads, in their order. */
@OptIn(ExperimentalSerializationApi::class)
@Serializable
public data class Result(
    @SerialName("schema_version") @EncodeDefault val schemaVersion: Int = RESULT_VERSION,
    val name: String,
    val identity: String,
    val task: String,
    val created: String,
    @EncodeDefault val place: Place = Place(),
    val machine: Machine,
    val settings: Settings,
    val rows: List<Row>,
    @SerialName("multiply_adds") val multiplyAdds: Long? = null,
    @EncodeDefault val stable: Boolean = true,
    val unstable: List<String> = emptyList(),
    val notes: List<String> = emptyList(),
) {
    /** The result as the JSON that `edgecv bench --import` reads. */
    public fun toJson(): String = json.encodeToString(serializer(), this) + "\n"

    private companion object {
        @OptIn(ExperimentalSerializationApi::class)
        val json = Json {
            prettyPrint = true
            prettyPrintIndent = "  "
        }
    }
}
