package dev.edgecv

import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.intOrNull

private const val MAX_ELEMENTS = 1L shl 28 // of one input or output
private const val READS = "this library reads $SCHEMA_VERSION"
private val DIGEST = Regex("^[0-9a-f]{64}$")

/** A manifest, and a sentence for each part of it that this library does not know and left out. */
internal class ReadManifest(val manifest: Manifest, val leftOut: List<String>)

/**
 * Read and check `bundle.json`.
 *
 * @throws BundleException it is no manifest, one of another version, or it says something that cannot be.
 */
internal fun readManifest(text: String, name: String): ReadManifest {
    val content = StrictJson.parse(text, name)
    checkVersion(content, name)
    val (known, leftOut) = leaveOutUnknown(content as JsonObject, name)
    val manifest = StrictJson.decode(known, Manifest.serializer(), name)
    checkParts(manifest, name)
    checkFiles(manifest, name)
    (manifest.inputs + manifest.outputs).forEach { checkForm(it.name, it.shape, it.dtype, "$name: the model") }
    manifest.inputs.forEach { checkPreprocess(manifest.preprocess.getValue(it.name), it, name) }
    if (manifest.preprocess.size > manifest.inputs.size) {
        throw BundleException("$name preprocesses an input that the model does not have", ANEW)
    }
    HeadRules(manifest, leftOut, name).check()
    manifest.artifacts.forEach { checkArtifact(manifest, it) }
    return ReadManifest(manifest, leftOut.sentences)
}

private fun checkVersion(content: JsonElement, name: String) {
    val said = ((content as? JsonObject)?.get("schema_version") as? JsonPrimitive)?.takeIf { !it.isString }?.intOrNull
    if (said == null || said < 1) throw BundleException("$name has no schema_version, so it is no bundle's manifest", ANEW)
    if (said > SCHEMA_VERSION) {
        throw BundleException("$name was made by a newer edgecv: its schema version is $said, $READS", "Update the app")
    }
    if (said < SCHEMA_VERSION) {
        throw BundleException(
            "$name was made by an older edgecv: its schema version is $said, $READS",
            "Make it anew: edgecv convert MODEL -o NAME.edgecv, with the options that it was made with",
        )
    }
}

private fun checkFiles(manifest: Manifest, name: String) {
    manifest.artifacts.forEach { inside(it.file) }
    inside(manifest.golden.file)
    val digests = manifest.artifacts.map { it.sha256 } + manifest.golden.sha256 + manifest.identity
    checkDigests(digests, manifest.artifacts.map { it.bytes } + manifest.golden.count.toLong(), name)
}

/** @throws BundleException a digest is none, or one of the counts is negative. */
internal fun checkDigests(digests: List<String>, counts: List<Long>, name: String) {
    val other = digests.firstOrNull { !DIGEST.matches(it) }
    if (other != null) throw BundleException("$name has the digest '${shortened(other)}', which is none", ANEW)
    if (counts.any { it < 0 }) throw BundleException("$name has a negative number of bytes or cases", ANEW)
}

private fun checkParts(manifest: Manifest, name: String) {
    val parts = mapOf("artifacts" to manifest.artifacts, "inputs" to manifest.inputs, "outputs" to manifest.outputs)
    parts.forEach { (part, items) -> if (items.isEmpty()) throw BundleException("$name lists no $part", ANEW) }
    for ((side, specs) in mapOf("input" to manifest.inputs, "output" to manifest.outputs)) {
        val twice = twice(specs.map { it.name }) ?: continue
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
    val plane = listOf(input.shape[0], size[0], size[1]) // a gray picture without a channel axis
    if (spec.color == Color.GRAY && input.shape == plane) return
    val wanted = plane + spec.color.channels
    if (input.shape != wanted) throw BundleException("${where}it gives the shape $wanted, the model takes ${input.shape}", ANEW)
}

/** An artifact that is to run has the source's inputs and outputs, and a precision that is one. */
private fun checkArtifact(manifest: Manifest, artifact: Artifact) {
    val file = artifact.file
    if (!artifact.target.hasPrecision(artifact.precision)) {
        throw BundleException("$file has the precision '${shortened(artifact.precision)}'", ANEW)
    }
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
