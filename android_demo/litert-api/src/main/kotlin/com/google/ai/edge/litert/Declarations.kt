package com.google.ai.edge.litert

/*
 * The declarations of LiteRT 2's Kotlin API that edgecv uses, as its public sources have them (litert/kotlin in its repository).
 * They run nothing: a test says what does, see StandIn.kt.
 */

/** A processor. */
enum class Accelerator(val value: Int) {
    NONE(0), CPU(1), GPU(2), NPU(3)
}

/** What LiteRT throws where one of its functions fails. */
class LiteRtException(message: String) : Exception(message)

/** What is closed once, and used no more then. */
abstract class JniHandle internal constructor() : AutoCloseable {
    private var destroyed = false

    protected fun assertNotDestroyed() = check(!destroyed) { "The handle has been destroyed." }

    protected abstract fun destroy()

    final override fun close() {
        if (destroyed) return
        destroyed = true
        destroy()
    }
}

/** The processors of a device and where their libraries lie. */
class Environment private constructor(internal val standIn: StandIn, private val options: Map<Option, String>) : JniHandle() {
    enum class Option(val value: Int) {
        CompilerPluginLibraryDir(0), DispatchLibraryDir(1)
    }

    fun getAvailableAccelerators(): Set<Accelerator> {
        assertNotDestroyed()
        return standIn.accelerators(options[Option.DispatchLibraryDir])
    }

    override fun destroy() = standIn.closed(this)

    companion object {
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment {
            val standIn = StandIn.current ?: throw UnsatisfiedLinkError("no LiteRt in java.library.path")
            return Environment(standIn, options).also(standIn::opened)
        }
    }
}

/** The type of a tensor. */
data class TensorType @JvmOverloads constructor(val elementType: ElementType, val layout: Layout? = null) {
    enum class ElementType { INT, FLOAT, INT8, BOOLEAN, INT64 }

    data class Layout @JvmOverloads constructor(val dimensions: List<Int>, val strides: List<Int> = listOf())
}

/** A model that was compiled for processors. */
class CompiledModel private constructor(private val standIn: StandIn, private val model: OpenModel) : JniHandle() {
    data class CpuOptions(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    class Options(internal val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        var cpuOptions: CpuOptions? = null

        companion object {
            @JvmStatic
            val CPU = Options(Accelerator.CPU)
        }
    }

    fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = buffer(inputName, signature, model.inputs)

    fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = buffer(outputName, signature, model.outputs)

    fun getInputTensorType(inputName: String, signature: String = ""): TensorType = type(inputName, signature, model.inputs)

    fun getOutputTensorType(outputName: String, signature: String = ""): TensorType = type(outputName, signature, model.outputs)

    fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String = "") {
        assertNotDestroyed()
        if (signature.isNotEmpty()) throw LiteRtException("Signature not found")
        (model.inputs.keys - inputs.keys).firstOrNull()?.let { throw LiteRtException("Failed to find input $it") }
        (model.outputs.keys - outputs.keys).firstOrNull()?.let { throw LiteRtException("Failed to find output $it") }
        val results = outputs.mapValues { (_, buffer) -> buffer.place() }
        model.run(inputs.mapValues { (_, buffer) -> buffer.place() }, results)
    }

    override fun destroy() {
        model.close()
        standIn.closed(this)
    }

    private fun buffer(name: String, signature: String, tensors: Map<String, StandInTensor>): TensorBuffer {
        assertNotDestroyed()
        val tensor = tensors[name].takeIf { signature.isEmpty() } ?: throw LiteRtException("Failed to find $name")
        return TensorBuffer(standIn, tensor).also(standIn::opened)
    }

    private fun type(name: String, signature: String, tensors: Map<String, StandInTensor>): TensorType {
        assertNotDestroyed()
        val tensor = tensors[name].takeIf { signature.isEmpty() } ?: throw LiteRtException("Failed to find $name")
        val type = tensor.type ?: throw LiteRtException("Unsupported element type in Kotlin")
        return TensorType(type, TensorType.Layout(tensor.shape))
    }

    companion object {
        @JvmOverloads
        @JvmStatic
        fun create(filePath: String, options: Options = Options.CPU, optionalEnv: Environment? = null): CompiledModel {
            val environment = optionalEnv ?: Environment.create()
            val alone = options.accelerators.singleOrNull() == Accelerator.NPU // which LiteRT compiles with the CPU for the rest
            val accelerators = if (alone) options.accelerators + Accelerator.CPU else options.accelerators
            val model = environment.standIn.open(filePath, accelerators, options.cpuOptions?.numThreads)
            return CompiledModel(environment.standIn, model).also(environment.standIn::opened)
        }
    }
}
