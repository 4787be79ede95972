package dev.edgecv

import dev.edgecv.heads.HeadKind
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject

/** The schema version of `bundle.json` that this library reads. */
public const val SCHEMA_VERSION: Int = 2

/** The place of the channels in a tensor's shape. */
@Serializable
public enum class Layout { NHWC, NCHW, @SerialName("none") NONE }

/** The outcome of an artifact's proof; it is weak where the samples could not prove much. */
@Serializable
public enum class Status {
    @SerialName("passed") PASSED,
    @SerialName("weak") WEAK,
    @SerialName("failed") FAILED,
    @SerialName("not_run") NOT_RUN,
}

/** The function that turns an output into scores in 0..1. */
@Serializable
public enum class Activation {
    @SerialName("none") NONE,
    @SerialName("softmax") SOFTMAX,
    @SerialName("sigmoid") SIGMOID,
}

/** The way in which a picture of any shape is brought to the input's aspect ratio. */
@Serializable
public enum class FitMode {
    @SerialName("stretch") STRETCH,
    @SerialName("crop") CROP,
    @SerialName("resize_crop") RESIZE_CROP,
    @SerialName("letterbox") LETTERBOX,
}

/** A resampling kernel. */
@Serializable
public enum class Kernel {
    @SerialName("nearest") NEAREST,
    @SerialName("bilinear") BILINEAR,
    @SerialName("bicubic") BICUBIC,
    @SerialName("lanczos") LANCZOS,
    @SerialName("box") BOX,
}

/** The library whose exact arithmetic a resize follows. */
@Serializable
public enum class Semantics {
    @SerialName("pillow") PILLOW,
    @SerialName("tf") TF,
}

/** The channels of an input, in order. */
@Serializable
public enum class Color(internal val channels: Int) {
    @SerialName("rgb") RGB(3),
    @SerialName("bgr") BGR(3),
    @SerialName("gray") GRAY(1),
}

/** The kind of a model's input: a picture, or a tensor of numbers. */
@Serializable
public enum class Kind {
    @SerialName("image") IMAGE,
    @SerialName("tensor") TENSOR,
}

/** The rule for pictures whose EXIF block says that they are turned: turn them upright, or ignore it. */
@Serializable
public enum class OrientationRule {
    @SerialName("exif") EXIF,
    @SerialName("ignore") IGNORE,
}

/** What becomes of a file's 16-bit gray: its high byte, or white where it is over 255. A frame's pixels are bytes already. */
@Serializable
public enum class Depth {
    @SerialName("shift") SHIFT,
    @SerialName("clip") CLIP,
}

/** `fraction` (0, 1] belongs to `crop`, `shorter` (pixels) to `resize_crop`, `pad` (0..255, one or one a channel) to `letterbox`. */
@Serializable
public data class Fit(
    val mode: FitMode = FitMode.STRETCH,
    val fraction: Double? = null,
    val shorter: Int? = null,
    val pad: List<Int>? = null,
)

/** The resampling kernel and its arithmetic. */
@Serializable
public data class Resize(val kernel: Kernel = Kernel.BILINEAR, val semantics: Semantics = Semantics.PILLOW)

/** y = x * scale[c] + offset[c], two float32 operations; one value, or one a channel in the order of `color`. */
@Serializable
public data class Normalize(
    val preset: String? = null,
    val scale: List<Double> = listOf(1.0),
    val offset: List<Double> = listOf(0.0),
)

/** From a picture (or a raw tensor) to one input; `size` is (height, width) in pixels, null for tensors. */
@Serializable
public data class Preprocess(
    val kind: Kind = Kind.IMAGE,
    val size: List<Int>? = null,
    val orientation: OrientationRule = OrientationRule.EXIF,
    val depth: Depth = Depth.SHIFT,
    val color: Color = Color.RGB,
    val fit: Fit = Fit(),
    val resize: Resize = Resize(),
    val normalize: Normalize = Normalize(),
)

/**
 * The record of one head, which says what some of the model's outputs mean.
 *
 * @property name of one output that output's name, of several their names joined by "+"; no two heads have the same.
 * @property outputs the names of its outputs; every output of the model belongs to one head.
 * @property labels the names of the classes, labels or columns; null: they are numbers.
 * @property activation what the device still applies to the output to get scores in 0..1.
 * @property thresholds from which score on a label holds: one for all, or one a label; empty where the kind knows none.
 * @property decode how the outputs become boxes, a mask, points or a picture, for the kinds that answer with such.
 * @property title what people call it, or null.
 * @property unit of its values, for people, or null.
 */
@Serializable
public data class HeadSpec(
    val name: String,
    val kind: HeadKind,
    val outputs: List<String>,
    val labels: List<String>? = null,
    val activation: Activation = Activation.NONE,
    val thresholds: List<Double> = emptyList(),
    val decode: Decoder? = null,
    val title: String? = null,
    val unit: String? = null,
) {
    /** The name of one of its classes, labels or columns; the index as text where it has none. */
    public fun label(index: Int): String = labels?.getOrNull(index) ?: index.toString()
}

/** One input or output of the source model; `shape` includes the static batch. */
@Serializable
public data class TensorSpec(val name: String, val shape: List<Int>, val dtype: String)

/** real = scale * (q - zero_point), per tensor. */
@Serializable
public data class QuantParams(val scale: Double, @SerialName("zero_point") val zeroPoint: Int)

/** One input or output of an artifact: the source's `name`, and the `tensor` name inside the artifact's file. */
@Serializable
public data class TensorIO(
    val name: String,
    val tensor: String,
    val shape: List<Int>,
    val dtype: String,
    val layout: Layout = Layout.NONE,
    val quantization: QuantParams? = null,
    val normalize: Normalize? = null,
    @SerialName("by_label") val byLabel: Boolean = false,
    val activation: Activation = Activation.NONE,
)

/** One converted model. */
@Serializable
public data class Artifact(
    val target: Format,
    val precision: String,
    val file: String,
    val sha256: String,
    val bytes: Long,
    val inputs: List<TensorIO>,
    val outputs: List<TensorIO>,
    val ops: Map<String, Int>,
    val requires: Map<String, String>,
    val parity: Status = Status.NOT_RUN,
) {
    /** The format and the precision, as "tflite int8". */
    public val title: String get() = "${target.title} $precision"
}

/**
 * The comparison of one head's answers with the source's.
 *
 * @property agreement the share of equal answers (0..1): of samples, boxes, pixels, points or values.
 * @property never the answers that the source gives, and the artifact never.
 * @property measured what else the kind measures, such as "mean_iou".
 */
@Serializable
public data class HeadComparison(
    val head: String,
    val agreement: Double,
    val never: List<String> = emptyList(),
    val measured: Map<String, Double> = emptyMap(),
)

/**
 * The comparison of one output, or some of its columns, with the source's; [constant] are columns that vary in the source only, [lost] follow
 * it no better than a constant, or by another factor.
 */
@Serializable
public data class PartComparison(
    val part: String,
    @SerialName("snr_db") val snrDb: Double?,
    val constant: List<String> = emptyList(),
    val lost: List<String> = emptyList(),
)

/** The comparison of an artifact's outputs with the source's on `count` samples; `snrDb` is null where they are equal. */
@Serializable
public data class Comparison(
    val count: Int,
    @SerialName("max_abs_error") val maxAbsError: Double,
    @SerialName("mean_abs_error") val meanAbsError: Double,
    val cosine: Double,
    @SerialName("snr_db") val snrDb: Double?,
    val agreement: Double?,
    val flips: List<String> = emptyList(),
    @SerialName("non_finite") val nonFinite: Int = 0,
    val heads: List<HeadComparison> = emptyList(),
    val parts: List<PartComparison> = emptyList(),
)

/** Top-1 accuracy on labelled samples, with the source's on the same ones. */
@Serializable
public data class Accuracy(
    val count: Int,
    val accuracy: Double,
    val interval: List<Double>,
    @SerialName("reference_accuracy") val referenceAccuracy: Double,
    val lost: Int,
    val gained: Int,
    @SerialName("mcnemar_p") val mcnemarP: Double,
)

/**
 * One gate of the proof: `value` must be at least (or at most) `limit` on the data set `on`.
 *
 * @property subject the head or the part of an output that it is read on, where there are several.
 */
@Serializable
public data class Gate(
    val name: String,
    val on: String,
    val limit: Double,
    val value: Double?,
    val passed: Boolean,
    val subject: String? = null,
)

/** The comparison of an artifact with `other`, which carries the same quantization. */
@Serializable
public data class Twin(val other: String, val on: String, val count: Int, val equal: Int, val agreement: Double)

/** The proof of one artifact: its outcome, how the artifact was run, and the numbers. */
@Serializable
public data class Parity(
    val artifact: String,
    val status: Status,
    val how: String,
    val reason: String? = null,
    val comparisons: Map<String, Comparison> = emptyMap(),
    val accuracy: Accuracy? = null,
    val twin: Twin? = null,
    val gates: List<Gate> = emptyList(),
)

/** The samples that set the quantization ranges. */
@Serializable
public data class CalibrationSet(
    val kind: String,
    val count: Int,
    val skipped: Int,
    val seed: Int,
    val sha256: String,
)

/** The one quantization that all int8 artifacts of the bundle carry. */
@Serializable
public data class Quantization(
    val quantizer: String,
    val weights: String,
    val activations: String,
    val io: String,
    val calibration: CalibrationSet?,
    @SerialName("float_layers") val floatLayers: List<String> = emptyList(),
)

/** The trained model. */
@Serializable
public data class SourceInfo(
    val format: String,
    val loader: String,
    val sha256: String,
    val parameters: Long,
    @SerialName("multiply_adds") val multiplyAdds: Long? = null,
)

/** The facts of the converting machine's processor that change int8 results. */
@Serializable
public data class Cpu(val architecture: String, val flags: List<String>)

/** The origin of the bundle: the model, the recipe, and the versions that made it. */
@Serializable
public data class Provenance(
    val edgecv: String,
    val source: SourceInfo,
    val recipe: Map<String, JsonElement>,
    val versions: Map<String, String>,
    val cpu: Cpu,
)

/** The golden cases: their list, its digest, and how many there are. */
@Serializable
public data class GoldenInfo(val file: String, val sha256: String, val count: Int)

/** All of `bundle.json` that this library knows; [labels] are those of the first head that has some. */
@Serializable
public data class Manifest(
    @SerialName("schema_version") val schemaVersion: Int,
    val name: String,
    val inputs: List<TensorSpec>,
    val outputs: List<TensorSpec>,
    val preprocess: Map<String, Preprocess>,
    val heads: List<HeadSpec>,
    val labels: List<String>?,
    val artifacts: List<Artifact>,
    val quantization: Quantization?,
    val parity: List<Parity>,
    val identity: String,
    val provenance: Provenance,
    val golden: GoldenInfo,
)

/** A raw little-endian file: C order, batch included. */
@Serializable
public data class GoldenTensor(val file: String, val sha256: String, val shape: List<Int>, val dtype: String)

/**
 * The answer of one head that the source's outputs of a case are decoded to.
 *
 * @property decisions the index of a class, or a 1 or 0 for each label; -1 where the outputs are not finite, null where nothing is decided.
 * @property scores one float32 number for each answer, after the head's activation.
 */
@Serializable
public data class GoldenAnswer(val decisions: List<Int>?, val scores: GoldenTensor)

/** One case: the picture (null for tensor inputs), the preprocessed float32 inputs, the source's outputs, and its answers by head. */
@Serializable
public data class GoldenCase(
    val id: String,
    val image: String?,
    @SerialName("image_sha256") val imageSha256: String?,
    val inputs: Map<String, GoldenTensor>,
    val outputs: Map<String, GoldenTensor>,
    val answers: Map<String, GoldenAnswer>,
)

/** All of `golden/golden.json`; `layers` helps to find a wrong operation, and is not used here. */
@Serializable
public data class Golden(val cases: List<GoldenCase>, val layers: List<JsonObject> = emptyList())
