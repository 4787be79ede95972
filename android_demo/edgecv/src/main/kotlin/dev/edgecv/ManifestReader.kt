package dev.edgecv

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.intOrNull

private const val MAX_ELEMENTS = 1L shl 28 // of one input or output
private val PRECISION = Regex("^[a-z][a-z0-9-]*$")

/** Read and check `bundle.json`. */
internal fun readManifest(text: String, name: String): Manifest {
    val content = StrictJson.parse(text, name)
    val said = ((content as? JsonObject)?.get("schema_version") as? JsonPrimitive)?.takeIf { !it.isString }?.intOrNull
    if (said == null || said < 1) throw BundleException("$name has no schema_version, so it is no bundle's manifest", ANEW)
    if (said > SCHEMA_VERSION) {
        throw BundleException("$name has schema version $said, this library reads up to $SCHEMA_VERSION", "Update the app")
    }
    val manifest = StrictJson.decode(content, Manifest.serializer(), name)
    checkFiles(manifest)
    checkParts(manifest, name)
    for ((input, spec) in manifest.preprocess) PreprocessRules(spec, "$name: preprocess of '$input': ").check()
    checkThresholds(manifest, name)
    manifest.artifacts.forEach { checkArtifact(manifest, it) }
    return manifest
}

private fun checkFiles(manifest: Manifest) {
    manifest.artifacts.forEach { inside(it.file) }
    inside(manifest.golden.file)
}

private fun checkParts(manifest: Manifest, name: String) {
    val missing = manifest.inputs.firstOrNull { it.name !in manifest.preprocess }
    if (missing != null) throw BundleException("$name does not say how the input '${missing.name}' is preprocessed", ANEW)
    val parts = mapOf("artifacts" to manifest.artifacts, "inputs" to manifest.inputs, "outputs" to manifest.outputs)
    parts.forEach { (part, items) -> if (items.isEmpty()) throw BundleException("$name lists no $part", ANEW) }
}

private fun checkThresholds(manifest: Manifest, name: String) {
    val thresholds = manifest.postprocess.thresholds
    if (thresholds.isEmpty() || thresholds.any { it < 0 || it > 1 }) {
        throw BundleException("$name: postprocess: thresholds must be in 0..1, got $thresholds", ANEW)
    }
    val answers = manifest.outputs[0].shape.drop(1).fold(1) { product, side -> product * side }
    if (thresholds.size != 1 && thresholds.size != answers) {
        val rule = "thresholds must be one, or one for each of $answers labels"
        throw BundleException("$name: postprocess: $rule, got ${thresholds.size}", ANEW)
    }
}

/** An artifact that is to run has the source's inputs and outputs, and scales to divide by. */
private fun checkArtifact(manifest: Manifest, artifact: Artifact) {
    val file = artifact.file
    if (!PRECISION.matches(artifact.precision)) throw BundleException("$file has the precision '${artifact.precision}'", ANEW)
    if (artifact.inputs.map { it.name }.toSet() != manifest.inputs.map { it.name }.toSet()) {
        throw BundleException("the inputs of $file are not the model's in $MANIFEST", ANEW)
    }
    if (artifact.outputs.map { it.name }.toSet() != manifest.outputs.map { it.name }.toSet()) {
        throw BundleException("the outputs of $file are not the model's in $MANIFEST", ANEW)
    }
    (artifact.inputs + artifact.outputs).forEach { checkTensor(it, file) }
}

private fun checkTensor(io: TensorIO, file: String) {
    if (DType.of(io.dtype) == null) throw BundleException("'${io.name}' in $file has the dtype '${io.dtype}'", ANEW)
    val count = io.shape.fold(1L) { product, side -> if (side < 1 || product > MAX_ELEMENTS) 0 else product * side }
    if (io.shape.isEmpty() || count < 1 || count > MAX_ELEMENTS) {
        throw BundleException("'${io.name}' in $file has the shape ${io.shape}", ANEW)
    }
    if (io.quantization != null && !(io.quantization.scale > 0)) {
        throw BundleException("the scale of '${io.name}' in $file must be over 0", ANEW)
    }
}
