package com.google.ai.edge.litert

import java.nio.ByteBuffer

/** What runs models behind the declarations on the JVM; LiteRT itself has none of this. */
interface StandIn {
    /** The processors that are there, with the NPU's libraries in that folder. */
    fun accelerators(libraries: String?): Set<Accelerator>

    /** Compile a file, or throw a [LiteRtException]. */
    fun open(file: String, accelerators: Set<Accelerator>, threads: Int?): OpenModel

    /** Is told of all that was made. */
    fun opened(what: Any) {}

    /** Is told of all that was closed. */
    fun closed(what: Any) {}

    companion object {
        /** The one in force; without one the native library is missing. */
        @JvmStatic
        var current: StandIn? = null
    }
}

/** One input or output: its shape, and its type, null where LiteRT's Kotlin API has no name for it; `size` of a number in bytes. */
class StandInTensor(val type: TensorType.ElementType?, val shape: List<Int>, val size: Int) {
    val count: Int = shape.fold(1, Int::times)
}

/** A compiled file. */
interface OpenModel : AutoCloseable {
    val inputs: Map<String, StandInTensor>
    val outputs: Map<String, StandInTensor>

    /** Infer once, from memory to memory. */
    fun run(from: Map<String, ByteBuffer>, into: Map<String, ByteBuffer>)

    override fun close() {}
}
