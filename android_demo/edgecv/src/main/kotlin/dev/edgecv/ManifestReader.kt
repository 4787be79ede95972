package dev.edgecv

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.intOrNull

private const val MAX_ELEMENTS = 1L shl 28 // of one input or output
private val DIGEST = Regex("^[0-9a-f]{64}$")

/** The names of precisions, and for Core ML of the ways to store weights: as in `edgecv_runtime.precisions`. */
private val PRECISION = Regex("float32|float16|dynamic|int8|int16x8|mixed")
private val WEIGHTS = Regex(
    "weights8|weights4(-block(16|64))?|palette8|palette[6432](-group(4|8|16|32))?|sparse([1-9]0)?-palette[86432]",
)

/** Read and check `bundle.json`. */
internal fun readManifest(text: String, name: String): Manifest {
    val content = StrictJson.parse(text, name)
    val said = ((content as? JsonObject)?.get("schema_version") as? JsonPrimitive)?.takeIf { !it.isString }?.intOrNull
    if (said == null || said < 1) throw BundleException("$name has no schema_version, so it is no bundle's manifest", ANEW)
    if (said > SCHEMA_VERSION) {
        throw BundleException("$name has schema version $said, this library reads up to $SCHEMA_VERSION", "Update the app")
    }
    val manifest = StrictJson.decode(content, Manifest.serializer(), name)
    checkParts(manifest, name)
    checkFiles(manifest, name)
    (manifest.inputs + manifest.outputs).forEach { checkForm(it.name, it.shape, it.dtype, "$name: the model") }
    manifest.inputs.forEach { checkPreprocess(manifest.preprocess.getValue(it.name), it, name) }
    if (manifest.preprocess.size > manifest.inputs.size) {
        throw BundleException("$name preprocesses an input that the model does not have", ANEW)
    }
    checkThresholds(manifest, name)
    checkLabels(manifest, name)
    manifest.artifacts.forEach { checkArtifact(manifest, it) }
    return manifest
}

private fun checkFiles(manifest: Manifest, name: String) {
    manifest.artifacts.forEach { inside(it.file) }
    inside(manifest.golden.file)
    val digests = manifest.artifacts.map { it.sha256 } + manifest.golden.sha256 + manifest.identity
    val other = digests.firstOrNull { !DIGEST.matches(it) }
    if (other != null) throw BundleException("$name has the digest '${shortened(other)}', which is none", ANEW)
    if (manifest.artifacts.any { it.bytes < 0 } || manifest.golden.count < 0) {
        throw BundleException("$name has a negative number of bytes or cases", ANEW)
    }
}

private fun checkParts(manifest: Manifest, name: String) {
    val parts = mapOf("artifacts" to manifest.artifacts, "inputs" to manifest.inputs, "outputs" to manifest.outputs)
    parts.forEach { (part, items) -> if (items.isEmpty()) throw BundleException("$name lists no $part", ANEW) }
    for ((side, specs) in mapOf("input" to manifest.inputs, "output" to manifest.outputs)) {
        val names = specs.map { it.name }
        val twice = names.firstOrNull { name -> names.count { it == name } > 1 } ?: continue
        throw BundleException("$name lists the $side '${shortened(twice)}' twice", ANEW)
    }
    val missing = manifest.inputs.firstOrNull { it.name !in manifest.preprocess } ?: return
    throw BundleException("$name does not say how the input '${shortened(missing.name)}' is preprocessed", ANEW)
}

/** A preprocessing gives the shape that the model takes. */
private fun checkPreprocess(spec: Preprocess, input: TensorSpec, name: String) {
    val where = "$name: preprocess of '${shortened(input.name)}': "
    PreprocessRules(spec, where).check()
    val size = spec.size ?: return
    val wanted = listOf(input.shape[0], size[0], size[1], spec.color.channels)
    if (input.shape != wanted) throw BundleException("${where}it gives the shape $wanted, the model takes ${input.shape}", ANEW)
}

private fun checkThresholds(manifest: Manifest, name: String) {
    val thresholds = manifest.postprocess.thresholds
    if (thresholds.isEmpty() || thresholds.any { it < 0 || it > 1 }) {
        throw BundleException("$name: postprocess: thresholds must be in 0..1, got $thresholds", ANEW)
    }
    val answers = answersOf(manifest)
    if (thresholds.size != 1 && thresholds.size != answers) {
        val rule = "thresholds must be one, or one for each of $answers labels"
        throw BundleException("$name: postprocess: $rule, got ${thresholds.size}", ANEW)
    }
}

private fun checkLabels(manifest: Manifest, name: String) {
    val labels = manifest.labels
    if (labels == null || manifest.task == Task.REGRESSION) return
    val answers = answersOf(manifest)
    val fits = labels.size == maxOf(answers, 2) || labels.size == manifest.outputs[0].shape.last()
    val alone = answers == 1 && labels.size == 1
    if (labels.isEmpty() || !(fits || alone)) {
        throw BundleException("$name has ${labels.size} labels for $answers answers", ANEW)
    }
}

private fun answersOf(manifest: Manifest): Int = manifest.outputs[0].shape.drop(1).fold(1) { product, side -> product * side }

/** An artifact that is to run has the source's inputs and outputs, and a precision that is one. */
private fun checkArtifact(manifest: Manifest, artifact: Artifact) {
    val file = artifact.file
    val known = PRECISION.matches(artifact.precision) ||
        (artifact.target == Target.COREML && WEIGHTS.matches(artifact.precision))
    if (!known) throw BundleException("$file has the precision '${shortened(artifact.precision)}'", ANEW)
    checkSide("inputs", artifact.inputs, manifest.inputs, file)
    checkSide("outputs", artifact.outputs, manifest.outputs, file)
    val batches = (artifact.inputs + artifact.outputs).map { it.shape[0] }.toSortedSet()
    if (batches.size > 1 || batches.first() < manifest.inputs[0].shape[0]) {
        throw BundleException("the tensors of $file have the batches ${batches.joinToString()}", ANEW)
    }
}

private fun checkSide(side: String, tensors: List<TensorIO>, sources: List<TensorSpec>, file: String) {
    val byName = sources.associateBy { it.name }
    if (tensors.size != sources.size || tensors.map { it.name }.toSet() != byName.keys) {
        throw BundleException("the $side of $file are not the model's in $MANIFEST", ANEW)
    }
    tensors.forEach { checkTensor(it, byName.getValue(it.name), file) }
}

private fun checkForm(name: String, shape: List<Int>, dtype: String, where: String) {
    val shown = shortened(name)
    if (DType.of(dtype) == null) throw BundleException("'$shown' in $where has the dtype '${shortened(dtype)}'", ANEW)
    val count = shape.fold(1L) { product, side -> if (side < 1 || product > MAX_ELEMENTS) 0 else product * side }
    if (shape.isEmpty() || count < 1 || count > MAX_ELEMENTS) {
        throw BundleException("'$shown' in $where has the shape ${shortened(shape.toString())}", ANEW)
    }
}

/** A tensor is the source's: but for the batch its shape is the same, in its own layout. */
private fun checkTensor(io: TensorIO, source: TensorSpec, file: String) {
    checkForm(io.name, io.shape, io.dtype, file)
    val name = shortened(io.name)
    if (io.tensor.isEmpty()) throw BundleException("'$name' in $file has no tensor's name", ANEW)
    val shape = io.shape
    val real = if (io.layout == Layout.NCHW && shape.size > 1) shape.drop(2) + shape[1] else shape.drop(1)
    if (shape.size != source.shape.size || real != source.shape.drop(1)) {
        throw BundleException("'$name' in $file has the shape $shape, the model's is ${source.shape} (layout ${io.layout})", ANEW)
    }
    val range = RANGES[io.dtype]
    val scale = io.quantization
    if (scale != null) {
        checkScale(scale, range, "'$name' in $file", io.dtype)
    } else if (range != null && io.normalize == null && source.dtype.startsWith("float")) {
        throw BundleException("'$name' in $file is ${io.dtype} without a scale", ANEW)
    }
}

private val RANGES = mapOf("int8" to -128..127, "uint8" to 0..255, "int16" to -32768..32767)

private fun checkScale(quantization: QuantParams, range: IntRange?, name: String, dtype: String) {
    val scale = quantization.scale.toFloat()
    if (!(scale > 0) || !scale.isFinite() || !(1 / scale).isFinite()) {
        throw BundleException("the scale of $name must be over 0, got ${quantization.scale}", ANEW)
    }
    if (range == null) throw BundleException("$name is $dtype, which has no scale", ANEW)
    if (quantization.zeroPoint !in range) {
        throw BundleException("the zero point of $name must be in $range, got ${quantization.zeroPoint}", ANEW)
    }
}
