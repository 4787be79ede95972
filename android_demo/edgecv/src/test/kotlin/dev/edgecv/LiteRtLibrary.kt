package dev.edgecv

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.OpenModel
import com.google.ai.edge.litert.StandIn
import com.google.ai.edge.litert.StandInTensor
import com.google.ai.edge.litert.TensorType.ElementType
import java.io.File
import java.nio.ByteBuffer

/** The functions of tests/android/litert_jni.c. */
internal object LiteRtNatives {
    @JvmStatic
    external fun open(library: String, model: ByteArray, threads: Int): Long

    @JvmStatic
    external fun count(handle: Long, outputs: Boolean): Int

    @JvmStatic
    external fun name(handle: Long, outputs: Boolean, number: Int): String

    @JvmStatic
    external fun type(handle: Long, outputs: Boolean, number: Int): Int

    @JvmStatic
    external fun shape(handle: Long, outputs: Boolean, number: Int): IntArray

    @JvmStatic
    external fun write(handle: Long, number: Int, data: ByteArray)

    @JvmStatic
    external fun run(handle: Long)

    @JvmStatic
    external fun read(handle: Long, number: Int, data: ByteArray)

    @JvmStatic
    external fun close(handle: Long)
}

/** LiteRT's own library for Linux, on the CPU, in the place of the one that a phone has. */
internal class LiteRtLibrary(private val library: String) : StandIn {
    override fun accelerators(libraries: String?): Set<Accelerator> = setOf(Accelerator.CPU)

    override fun open(file: String, accelerators: Set<Accelerator>, threads: Int?): OpenModel =
        Native(LiteRtNatives.open(library, File(file).readBytes(), checkNotNull(threads)))

    private class Native(private val handle: Long) : OpenModel {
        override val inputs = tensors(false)
        override val outputs = tensors(true)

        override fun run(from: Map<String, ByteBuffer>, into: Map<String, ByteBuffer>) {
            inputs.keys.forEachIndexed { number, name -> LiteRtNatives.write(handle, number, from.getValue(name).array()) }
            LiteRtNatives.run(handle)
            outputs.keys.forEachIndexed { number, name -> LiteRtNatives.read(handle, number, into.getValue(name).array()) }
        }

        override fun close() = LiteRtNatives.close(handle)

        private fun tensors(outputs: Boolean): Map<String, StandInTensor> =
            (0 until LiteRtNatives.count(handle, outputs)).associate { number ->
                val (type, size) = TYPES.getValue(LiteRtNatives.type(handle, outputs, number))
                LiteRtNatives.name(handle, outputs, number) to
                    StandInTensor(type, LiteRtNatives.shape(handle, outputs, number).toList(), size)
            }
    }

    companion object {
        /** LiteRT's numbers of types (litert/c/litert_model_types.h), by what its Kotlin API calls them, and their size. */
        private val TYPES: Map<Int, Pair<ElementType?, Int>> = mapOf(
            1 to (ElementType.FLOAT to 4),
            2 to (ElementType.INT to 4),
            3 to (null to 1), // uint8
            4 to (ElementType.INT64 to 8),
            6 to (ElementType.BOOLEAN to 1),
            9 to (ElementType.INT8 to 1),
        )

        /** The one that `python -m tests.android.litert` made ready; null where it could not. */
        fun find(): LiteRtLibrary? {
            val folder = File(Bundles.folder, "litert")
            val library = File(folder, "library.txt").takeIf { it.isFile } ?: return null
            System.load(File(folder, "liblitert_jni.so").canonicalPath)
            return LiteRtLibrary(library.readText())
        }
    }
}
