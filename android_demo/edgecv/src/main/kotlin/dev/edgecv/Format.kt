package dev.edgecv

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable

/** The names of precisions that every format may have: as in `edgecv_runtime.precisions`. */
private const val PLAIN = "float32|float16|dynamic|int8|int16x8|mixed"

/** The names of the ways in which Core ML stores weights. */
private const val WEIGHTS =
    "weights8|weights4(-block(16|64))?|palette8|palette[6432](-group(4|8|16|32))?|sparse([1-9]0)?-palette[86432]"

/**
 * The formats of artifacts, in the words of a bundle's `target`. All that this library knows of a format stands here; what runs its
 * files is an [EngineFactory].
 */
@Serializable
public enum class Format(precisions: String = PLAIN, internal val elsewhere: String? = null) {
    @SerialName("tflite") TFLITE,
    @SerialName("onnx") ONNX,
    @SerialName("coreml") COREML("$PLAIN|$WEIGHTS", elsewhere = "is a Core ML package, which runs on Apple's devices only"),
    ;

    /** The name as in `bundle.json` and on the command line. */
    public val title: String = name.lowercase()

    private val precisions = Regex(precisions)

    /** Says whether an artifact of this format may have that precision. */
    internal fun hasPrecision(name: String): Boolean = precisions.matches(name)
}
