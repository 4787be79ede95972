package dev.edgecv

import kotlin.math.abs

/** The rules that the record of a preprocessing must keep. */
internal class PreprocessRules(private val spec: Preprocess, private val where: String) {
    fun check() {
        checkFit(spec.fit)
        if (spec.kind == Kind.TENSOR) checkTensor()
        val size = spec.size
        if (spec.kind == Kind.IMAGE && size == null) throw BundleException("${where}it has no size", ANEW)
        if (size != null && (size.size != 2 || size.any { it < 1 })) refuse("size", "height and width of at least 1", size)
        spec.normalize.preset?.let { checkPreset(it) }
        checkNumbers("scale", spec.normalize.scale)
        checkNumbers("offset", spec.normalize.offset)
        if (spec.normalize.scale.any { it == 0.0 }) refuse("normalize.scale", "other than zero", spec.normalize.scale)
        val pad = spec.fit.pad
        if (pad != null && !fitsChannels(pad.size)) refuse("fit.pad", "1 or ${spec.color.channels} values", pad)
    }

    private fun checkTensor() {
        val plain = Preprocess(kind = Kind.TENSOR, normalize = spec.normalize)
        if (spec != plain) refuse("size, orientation, depth, color, fit and resize", "left out with kind = 'tensor'", spec)
    }

    private fun checkNumbers(field: String, values: List<Double>) {
        if (values.isEmpty() || values.any { abs(it) > LARGEST }) refuse("normalize.$field", "finite numbers of float32", values)
        if (spec.kind == Kind.IMAGE && !fitsChannels(values.size)) {
            refuse("normalize.$field", "1 or ${spec.color.channels} values", values)
        }
    }

    private fun checkPreset(name: String) {
        val own = PRESETS[name] ?: refuse("normalize.preset", "one of ${PRESETS.keys.joinToString()}", name)
        val given = "with normalize.preset = '$name'"
        val (_, scale, offset) = spec.normalize
        if (scale != own.scale) refuse("normalize.scale", "${own.scale} $given", scale)
        if (offset != own.offset) refuse("normalize.offset", "${own.offset} $given", offset)
        if (name == "caffe" && spec.color != Color.BGR) refuse("color", "'bgr' $given", spec.color)
    }

    private fun fitsChannels(count: Int) = count == 1 || count == spec.color.channels

    private fun checkFit(fit: Fit) {
        val owners = listOf(
            Triple("fraction", fit.fraction, FitMode.CROP),
            Triple("shorter", fit.shorter, FitMode.RESIZE_CROP),
            Triple("pad", fit.pad, FitMode.LETTERBOX),
        )
        for ((field, value, mode) in owners) {
            if (value != null && fit.mode != mode) refuse("fit.$field", "given only with mode = '${mode.name.lowercase()}'", value)
        }
        if (fit.mode == FitMode.RESIZE_CROP && fit.shorter == null) refuse("fit.shorter", "given with mode = 'resize_crop'", null)
        if (fit.fraction != null && !(fit.fraction > 0 && fit.fraction <= 1)) {
            refuse("fit.fraction", "over 0 and at most 1", fit.fraction)
        }
        if (fit.shorter != null && fit.shorter !in 1..65536) refuse("fit.shorter", "1 to 65536 pixels", fit.shorter)
        if (fit.pad != null && fit.pad.any { it !in 0..255 }) refuse("fit.pad", "values in 0..255", fit.pad)
    }

    private fun refuse(field: String, rule: String, got: Any?): Nothing =
        throw BundleException("$where$field must be $rule, got $got", ANEW)

    private companion object {
        const val LARGEST = 3.4028234663852886e38 // float32

        /** Keras's own normalizations (`keras.applications.imagenet_utils.preprocess_input`), as the shortest decimals of float32 numbers. */
        val PRESETS = mapOf(
            "none" to Normalize(),
            "rescale" to Normalize(scale = listOf(0.003921569), offset = listOf(0.0)),
            "tf" to Normalize(scale = listOf(0.007843138), offset = listOf(-1.0)),
            "torch" to Normalize(
                scale = listOf(0.017124753, 0.017507004, 0.017429193),
                offset = listOf(-2.117904, -2.0357144, -1.8044444),
            ),
            "caffe" to Normalize(scale = listOf(1.0), offset = listOf(-103.939, -116.779, -123.68)),
        )
    }
}
