package dev.edgecv

import com.google.ai.edge.litert.LiteRtException
import java.nio.ByteBuffer

/** A TFLite file on LiteRT's `CompiledModel`: on the CPU, the GPU or the NPU, as was asked for. */
public class LiteRtEngine private constructor(
    artifact: Artifact,
    private val model: LiteRtModel,
    override val info: BackendInfo,
) : Engine {
    override val inputs: List<Tensor> = tensorsOf(artifact.inputs)
    override val outputs: List<Tensor> = tensorsOf(artifact.outputs)
    private val feeds: List<TensorCopy> = model.feeds(artifact.inputs, inputs)
    private val results: List<TensorCopy> = model.results(artifact.outputs, outputs)
    private var closed = false

    override fun run() {
        if (closed) throw EngineException("the model was closed")
        try {
            for (feed in feeds) feed.write()
            model.run()
            for (result in results) result.read()
        } catch (error: LiteRtException) {
            throw EngineException("LiteRT failed on the ${model.accelerator}: ${error.message}", model.accelerator.hint, error)
        }
    }

    override fun close() {
        if (closed) return
        closed = true
        model.close()
    }

    private companion object {
        const val NO_LIBRARY = "Add com.google.ai.edge.litert:litert to the app's dependencies"
    }

    /** The processor that runs the operations. */
    public enum class Accelerator(internal val suffix: String, private val rest: List<String> = emptyList()) {
        /** XNNPACK's kernels, LiteRT's own where that does not take an operation. */
        CPU(""),

        /** The whole model on the GPU, or an error; float arithmetic in 16 bits. Open, run and close it on one and the same thread. */
        GPU("-gpu"),

        /** The NPU, with the maker's libraries in the app. LiteRT leaves what it does not take to the CPU, and does not tell what that is. */
        NPU("-npu", listOf("CPU")),

        /** The first of NPU, GPU and CPU that takes the model; [BackendInfo] says which, and why those before it do not. */
        BEST("-best"),
        ;

        internal val choices: List<Accelerator> get() = if (this == BEST) listOf(NPU, GPU, CPU) else listOf(this)
        internal val providers: List<String> get() = listOf(name) + rest
        internal val usesCpu: Boolean get() = CPU.name in providers
        internal val hint: String? get() = if (this == CPU) null else "Use the CPU: not every device and model can use the $name"
    }

    /**
     * LiteRT on one accelerator. One that was named and cannot be had is an error: another takes its place only for [Accelerator.BEST].
     *
     * @param libraries the folder of the NPU's libraries, which is the app's `applicationInfo.nativeLibraryDir`; null: there are none.
     * @param version of LiteRT, which does not tell it by itself.
     */
    public class Factory(
        private val accelerator: Accelerator = Accelerator.CPU,
        private val libraries: String? = null,
        private val version: String = "of unknown version",
    ) : EngineFactory {
        override val backend: String = "litert${accelerator.suffix}"
        override val target: Format = Format.TFLITE

        override fun open(artifact: Artifact, model: ByteBuffer, threads: Int): Engine {
            checkThreads(threads)
            val compiled = try {
                LiteRtModel.compile(artifact.file, model, accelerator, threads, libraries)
            } catch (error: LinkageError) { // of its classes as of its native library
                throw EngineException("LiteRT is not in this app: ${error.message}", NO_LIBRARY, error)
            }
            try {
                val info = BackendInfo("litert", version, compiled.accelerator.providers, threads, compiled.refused)
                return LiteRtEngine(artifact, compiled, info)
            } catch (error: EngineException) {
                compiled.close()
                throw error
            }
        }
    }
}
