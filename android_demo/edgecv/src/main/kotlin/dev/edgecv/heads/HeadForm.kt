package dev.edgecv.heads

import dev.edgecv.HeadSpec
import dev.edgecv.Kind
import dev.edgecv.Manifest
import dev.edgecv.SpecException

/** The size of a model's picture, in pixels. */
internal data class Canvas(val height: Int, val width: Int) {
    internal companion object {
        /** Of a model's first input that is a picture; null where it takes none. */
        fun of(manifest: Manifest): Canvas? = manifest.inputs.firstNotNullOfOrNull { input ->
            manifest.preprocess[input.name]?.takeIf { it.kind == Kind.IMAGE }?.size?.let { (height, width) -> Canvas(height, width) }
        }
    }
}

/**
 * A head's record beside the form of what it is of.
 *
 * @property shapes the shapes of its outputs in the order of `spec.outputs`, in the source's layout, batch included.
 * @property dtypes their types.
 * @property canvas the size of the model's picture; null where it takes none.
 */
internal class HeadForm(val spec: HeadSpec, val shapes: List<List<Int>>, val dtypes: List<String>, val canvas: Canvas?) {
    /** How many numbers its first output has in one sample. */
    val width: Int get() = shapes[0].drop(1).fold(1, Int::times)

    /** The size of the model's picture, which was checked to be there. */
    val picture: Canvas get() = canvas ?: throw SpecException("a ${spec.kind.title} head needs a model that takes a picture")

    /** Whether all its values are whole numbers, such as indices. */
    val isWhole: Boolean get() = dtypes.all { dtype -> WHOLE.any { dtype.startsWith(it) } }

    /** The shape of one of its outputs; null of another one. */
    fun shape(output: String): List<Int>? = spec.outputs.indexOf(output).takeIf { it >= 0 }?.let(shapes::get)

    /** @throws SpecException always: the record does not fit its kind or its outputs. */
    fun refuse(reason: String): Nothing = throw SpecException(reason)

    internal companion object {
        private val WHOLE = listOf("int", "uint", "bool") // how the types of whole numbers begin

        /** @param spec a head of the manifest, whose outputs are outputs of the model. */
        fun of(manifest: Manifest, spec: HeadSpec): HeadForm {
            val outputs = spec.outputs.map { name -> manifest.outputs.first { it.name == name } }
            return HeadForm(spec, outputs.map { it.shape }, outputs.map { it.dtype }, Canvas.of(manifest))
        }
    }
}
