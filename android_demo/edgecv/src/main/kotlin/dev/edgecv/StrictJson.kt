package dev.edgecv

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.descriptors.PolymorphicKind
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.descriptors.elementNames
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonClassDiscriminator
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.doubleOrNull
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.longOrNull

internal const val ANEW: String = "Make the bundle again with edgecv convert"

/** JSON by its record, to the letter: unknown keys, missing ones and other types are refused, with the place and the known keys. */
@OptIn(ExperimentalSerializationApi::class)
internal object StrictJson {
    private val json = Json

    /** @throws BundleException the text is not JSON, or not this record. */
    fun <T> decode(text: String, serializer: KSerializer<T>, name: String): T = decode(parse(text, name), serializer, name)

    /** @throws BundleException it is not this record. */
    fun <T> decode(element: JsonElement, serializer: KSerializer<T>, name: String): T {
        check(element, serializer.descriptor, "$", name)
        return json.decodeFromJsonElement(serializer, element)
    }

    /** @throws BundleException the text is not JSON. */
    fun parse(text: String, name: String): JsonElement = try {
        json.parseToJsonElement(text)
    } catch (error: SerializationException) {
        throw BundleException("$name is not JSON: ${error.message?.lineSequence()?.first()}", ANEW, error)
    } catch (error: StackOverflowError) {
        throw BundleException("$name is not JSON: it is nested too deeply", ANEW, error)
    }

    private fun check(element: JsonElement, kind: SerialDescriptor, place: String, name: String) {
        if (kind.serialName.startsWith("kotlinx.serialization.json.")) {
            val isObject = element is JsonObject || !kind.serialName.contains("JsonObject")
            if (!isObject) refuse(name, place, "an object", element)
            return
        }
        if (element is JsonNull && kind.isNullable) return
        when (kind.kind) {
            StructureKind.CLASS -> checkRecord(element, kind, place, name)
            PolymorphicKind.SEALED -> checkForm(element, kind, place, name)
            StructureKind.LIST -> {
                if (element !is JsonArray) refuse(name, place, "an array", element)
                element.forEachIndexed { i, item -> check(item, kind.getElementDescriptor(0), "$place[$i]", name) }
            }
            StructureKind.MAP -> {
                if (element !is JsonObject) refuse(name, place, "an object", element)
                for ((key, item) in element) check(item, kind.getElementDescriptor(1), "$place.$key", name)
            }
            SerialKind.ENUM -> {
                val known = kind.elementNames.toList()
                val fits = element is JsonPrimitive && element.isString && element.content in known
                if (!fits) refuse(name, place, "one of ${known.joinToString()}", element)
            }
            else -> checkPrimitive(element, kind.kind, place, name)
        }
    }

    /** A record of one of several forms, which a key of its own names. */
    private fun checkForm(element: JsonElement, kind: SerialDescriptor, place: String, name: String) {
        if (element !is JsonObject) refuse(name, place, "an object", element)
        val key = kind.annotations.filterIsInstance<JsonClassDiscriminator>().single().discriminator
        val said = element[key] ?: throw BundleException("$name: '$key' is missing at $place", ANEW)
        val forms = kind.getElementDescriptor(1)
        val known = forms.elementNames.toList()
        val form = (said as? JsonPrimitive)?.takeIf { it.isString }?.content
        if (form !in known) refuse(name, "$place.$key", "one of ${known.joinToString()}", said)
        checkRecord(JsonObject(element - key), forms.getElementDescriptor(known.indexOf(form)), place, name)
    }

    private fun checkRecord(element: JsonElement, kind: SerialDescriptor, place: String, name: String) {
        if (element !is JsonObject) refuse(name, place, "an object", element)
        val known = kind.elementNames.toList()
        element.keys.firstOrNull { it !in known }?.let {
            throw BundleException("$name: unknown key '${shortened(it)}' at $place", "Known keys there are ${known.joinToString()}")
        }
        for (i in 0 until kind.elementsCount) {
            val key = kind.getElementName(i)
            val value = element[key]
            if (value != null) {
                check(value, kind.getElementDescriptor(i), "$place.$key", name)
            } else if (!kind.isElementOptional(i)) {
                throw BundleException("$name: '$key' is missing at $place", ANEW)
            }
        }
    }

    private fun checkPrimitive(element: JsonElement, kind: SerialKind, place: String, name: String) {
        val value = element as? JsonPrimitive ?: refuse(name, place, word(kind), element)
        val fits = value !is JsonNull && when (kind) {
            PrimitiveKind.STRING -> value.isString && isText(value.content)
            PrimitiveKind.BOOLEAN -> !value.isString && value.booleanOrNull != null
            PrimitiveKind.INT -> !value.isString && value.intOrNull != null
            PrimitiveKind.LONG -> !value.isString && value.longOrNull != null
            else -> !value.isString && value.doubleOrNull?.isFinite() == true
        }
        if (!fits) refuse(name, place, word(kind), element)
    }

    /** Says whether a text can be written as UTF-8: half of a surrogate pair cannot. */
    private fun isText(text: String): Boolean = text.none { it.isSurrogate() } || String(text.toByteArray()) == text

    private fun word(kind: SerialKind): String = when (kind) {
        PrimitiveKind.STRING -> "a string"
        PrimitiveKind.BOOLEAN -> "true or false"
        PrimitiveKind.INT, PrimitiveKind.LONG -> "a whole number"
        else -> "a number"
    }

    private fun refuse(name: String, place: String, wanted: String, got: JsonElement): Nothing {
        val shown = got.toString().let { if (it.length > 40) it.take(40) + "..." else it }
        throw BundleException("$name: $place must be $wanted, got $shown", ANEW)
    }
}
