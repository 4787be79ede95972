package dev.edgecv

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.OpenModel
import com.google.ai.edge.litert.StandIn
import com.google.ai.edge.litert.StandInTensor
import com.google.ai.edge.litert.TensorType.ElementType
import java.io.File
import java.nio.ByteBuffer

private val SIZES = mapOf(ElementType.FLOAT to 4, ElementType.INT to 4, ElementType.INT64 to 8)

/** A tensor of a fake model; a `null` type is one that LiteRT's Kotlin API cannot name. */
internal fun fakeTensor(type: ElementType?, vararg shape: Int) = StandInTensor(type, shape.toList(), SIZES[type] ?: 1)

/**
 * A LiteRT with the processors that a test gives it. Its models copy input to output, bytes as they are, in the order of the names.
 *
 * @property refusing what each processor says of every model.
 */
internal class FakeLiteRt(
    private val inputs: Map<String, StandInTensor>,
    private val outputs: Map<String, StandInTensor>,
    private val there: Set<Accelerator> = setOf(Accelerator.CPU),
    private val refusing: Map<Accelerator, String> = emptyMap(),
) : StandIn {
    /** All that is open: environments, models, memory. */
    val open = ArrayList<Any>()

    /** The accelerators and threads of every model that was asked for. */
    val asked = ArrayList<Pair<Set<Accelerator>, Int?>>()
    var libraries: String? = null
    var failing: String? = null
    var bytes = 0L

    /** What was made since it was set to 0. */
    var made = 0
    private var path: String? = null

    /** True if the copy that a model was read from is gone. */
    val isTidy: Boolean get() = path?.let { !File(it).exists() } ?: true

    override fun accelerators(libraries: String?): Set<Accelerator> = there.also { this.libraries = libraries }

    override fun open(file: String, accelerators: Set<Accelerator>, threads: Int?): OpenModel {
        asked += accelerators to threads
        path = file
        bytes = File(file).length()
        refusing.entries.firstOrNull { it.key in accelerators }?.let { throw LiteRtException(it.value) }
        return Copies()
    }

    override fun opened(what: Any) {
        made += 1
        open += what
    }

    override fun closed(what: Any) {
        check(open.remove(what)) { "$what was closed twice" }
    }

    private inner class Copies : OpenModel {
        override val inputs = this@FakeLiteRt.inputs
        override val outputs = this@FakeLiteRt.outputs

        override fun run(from: Map<String, ByteBuffer>, into: Map<String, ByteBuffer>) {
            failing?.let { throw LiteRtException(it) }
            for ((input, output) in inputs.keys.zip(outputs.keys)) {
                val bytes = from.getValue(input).array()
                bytes.copyInto(into.getValue(output).array(), 0, 0, minOf(bytes.size, into.getValue(output).capacity()))
            }
        }
    }
}
