package dev.edgecv

import dev.edgecv.heads.HeadKind
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

// The names that formats and kinds of heads have in every version of edgecv; another name is an error, not something new.
private val TARGET = Regex("^[a-z][a-z0-9-]*$")
private val KIND = Regex("^[a-z][a-z_]*$")

/**
 * The manifest without the records of formats and kinds that this library does not know.
 *
 * @property leftOut a sentence for each record that went.
 * @property lacksHeads whether one of them was a head, so that an output may have none.
 */
internal class KnownPart(val content: JsonObject, val leftOut: List<String>, val lacksHeads: Boolean)

/**
 * Leave out of a manifest what a newer edgecv wrote into it, so that an old app runs the rest: artifacts of unknown formats with their
 * proofs, and heads of unknown kinds. Whatever keys such records have, nothing of them is read but their names.
 *
 * @throws BundleException no artifact or no head is left.
 */
internal fun leaveOutUnknown(manifest: JsonObject, name: String): KnownPart {
    val artifacts = Split(manifest["artifacts"], "target", TARGET, Format.values().map { it.title })
    val heads = Split(manifest["heads"], "kind", KIND, HeadKind.values().map { it.title })
    val said = artifacts.unknown.map { "the artifact ${said(it, "file")} is for the target ${said(it, "target")}, $UNKNOWN" } +
        heads.unknown.map { "the head \"${said(it, "name")}\" is of the kind ${said(it, "kind")}, $UNKNOWN" }
    for ((part, split) in mapOf("artifact" to artifacts, "head" to heads)) {
        if (split.unknown.isEmpty() || split.known.isNotEmpty()) continue
        throw BundleException("$name needs a newer edgecv, no $part is left: ${said.joinToString("; ")}", "Update the app")
    }
    val gone = artifacts.unknown.mapNotNull { text(it, "file") } - artifacts.known.mapNotNull { text(it, "file") }.toSet()
    val parity = (manifest["parity"] as? JsonArray)?.filterNot { text(it, "artifact") in gone }
    val changed = mapOf("artifacts" to artifacts.known, "heads" to heads.known, "parity" to parity)
    val lists = changed.filterKeys { manifest[it] is JsonArray }.mapValues { (_, records) -> JsonArray(records.orEmpty()) }
    return KnownPart(JsonObject(manifest + lists), said, heads.unknown.isNotEmpty())
}

private const val UNKNOWN = "which this edgecv does not know"

/** The records of a list, apart by whether the name at a key is known. One without such a name counts as known, and is refused later. */
private class Split(list: JsonElement?, key: String, form: Regex, words: List<String>) {
    val unknown = ArrayList<JsonElement>()
    val known = ArrayList<JsonElement>()

    init {
        for (record in list as? JsonArray ?: JsonArray(emptyList())) {
            val word = text(record, key)
            val isNew = word != null && form.matches(word) && word !in words
            (if (isNew) unknown else known) += record
        }
    }
}

private fun text(record: JsonElement, key: String): String? =
    ((record as? JsonObject)?.get(key) as? JsonPrimitive)?.takeIf { it.isString }?.content

private fun said(record: JsonElement, key: String): String = text(record, key)?.let(::shortened) ?: "without a $key"
