package dev.edgecv

import dev.edgecv.heads.HeadKind
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.elementNames
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** The form of the names of formats and kinds in every version of edgecv: another name is an error, and nothing newer. */
private val NAME = Regex("[a-z][a-z0-9_-]*")
private const val UNKNOWN = "which this edgecv does not know"
private const val UPDATE = "Update the app"
private const val SMALLER = "Convert to a smaller precision, or make the model smaller: edgecv prune"
private const val PYTHON = "Run the bundle with edgecv's Python runtime"
private val PREPARED = listOf("image", "tensor")

/** The keys that an artifact of any format has: a left-out one may have any others. */
@Serializable
private class ListedFile(val file: String, val sha256: String, val bytes: Long)

/**
 * The records of a manifest that this library does not know.
 *
 * @property sentences one for each record.
 * @property outputs the outputs of the model that belong to its heads.
 * @property heads the number of heads among the records.
 */
internal class LeftOut(val sentences: List<String>, val outputs: List<String>, val heads: Int)

/**
 * Leave out of a manifest what a newer edgecv wrote into it, so that an old app runs the rest: artifacts of unknown formats with their
 * proofs, and heads of unknown kinds, whatever other keys they have. Left out are artifacts of several gigabytes, which have a second file, too.
 *
 * @return the manifest without them, and what they were.
 * @throws BundleException no artifact or no head is left, an artifact does not say where it lies, or an input is prepared in a way that
 *   this library does not know, such as a clip or a sound.
 */
internal fun leaveOutUnknown(manifest: JsonObject, name: String): Pair<JsonObject, LeftOut> {
    refuseInputs(manifest, name)
    val (newArtifacts, known) = list(manifest, "artifacts").partition { isUnknown(it, "target", Format.values().map { it.title }) }
    val (large, artifacts) = known.partition { it is JsonObject && "data" in it }
    val (newHeads, heads) = list(manifest, "heads").partition { isUnknown(it, "kind", HeadKind.values().map { it.title }) }
    val files = (newArtifacts + large).map { listed(it as JsonObject, name).file }
    val sentences = newArtifacts.map { "the artifact ${said(it, "file")} is for the target ${said(it, "target")}" } +
        newHeads.map { "the head \"${said(it, "name")}\" is of the kind ${said(it, "kind")}" }
    val larger = large.map { "the artifact ${said(it, "file")} has its numbers in a second file, which this library does not read" }
    val leftOut = LeftOut(
        sentences = sentences.map { "$it, $UNKNOWN" } + larger,
        outputs = newHeads.flatMap { head -> list(head as JsonObject, "outputs").mapNotNull(::textOf) },
        heads = newHeads.size,
    )
    if (large.isNotEmpty() && artifacts.isEmpty()) throw BundleException("$name: ${larger.first()}", SMALLER)
    refuseEmpty("artifacts", newArtifacts, artifacts, leftOut, name)
    refuseEmpty("heads", newHeads, heads, leftOut, name)
    val proofs = list(manifest, "parity").filterNot { text(it, "artifact") in files }
    val kept = mapOf("artifacts" to artifacts, "heads" to heads, "parity" to proofs)
    return JsonObject(manifest + kept.filterKeys { manifest[it] is JsonArray }.mapValues { JsonArray(it.value) }) to leftOut
}

private fun refuseInputs(manifest: JsonObject, name: String) {
    val specs = manifest["preprocess"] as? JsonObject ?: return
    val (input, spec) = specs.entries.firstOrNull { isUnknown(it.value, "kind", PREPARED) } ?: return
    val said = "the input '${shortened(input)}' is of the kind ${said(spec, "kind")}"
    throw BundleException("$name: $said, and this library prepares pictures and tensors only", PYTHON)
}

private fun refuseEmpty(part: String, new: List<JsonElement>, known: List<JsonElement>, leftOut: LeftOut, name: String) {
    if (new.isEmpty() || known.isNotEmpty()) return
    val said = shortened(leftOut.sentences.joinToString("; "))
    throw BundleException("$name holds $part of a newer edgecv only, so it needs that: $said", UPDATE)
}

/** Says whether a record's name at a key is one that an edgecv may have, and not one of those that this library knows. */
private fun isUnknown(record: JsonElement, key: String, known: List<String>): Boolean {
    val name = text(record, key) ?: return false
    return NAME.matches(name) && name !in known
}

/** Check that an artifact that is left out says what every artifact must: where it lies, and its digest. */
@OptIn(ExperimentalSerializationApi::class)
private fun listed(artifact: JsonObject, name: String): ListedFile {
    val listed = try {
        val keys = ListedFile.serializer().descriptor.elementNames
        StrictJson.decode(JsonObject(artifact.filterKeys { it in keys }), ListedFile.serializer(), name)
    } catch (error: BundleException) {
        throw BundleException("an artifact for ${said(artifact, "target")}: ${error.message}", UPDATE, error)
    }
    inside(listed.file)
    checkDigests(listOf(listed.sha256), listOf(listed.bytes), name)
    return listed
}

private fun list(record: JsonObject, key: String): List<JsonElement> = record[key] as? JsonArray ?: emptyList()

private fun text(record: JsonElement, key: String): String? = (record as? JsonObject)?.get(key)?.let(::textOf)

private fun textOf(element: JsonElement): String? = (element as? JsonPrimitive)?.takeIf { it.isString }?.content

private fun said(record: JsonElement, key: String): String = shortened(text(record, key).orEmpty())
