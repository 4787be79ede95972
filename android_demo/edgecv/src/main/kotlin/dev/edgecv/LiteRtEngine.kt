package dev.edgecv

import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.TensorFlowLite
import org.tensorflow.lite.gpu.CompatibilityList
import org.tensorflow.lite.gpu.GpuDelegate
import org.tensorflow.lite.nnapi.NnApiDelegate
import java.nio.ByteBuffer

/** A TFLite file on LiteRT (`org.tensorflow.lite.Interpreter`): the CPU's XNNPACK kernels, or a delegate that was asked for. */
public class LiteRtEngine private constructor(
    artifact: Artifact,
    model: ByteBuffer,
    threads: Int,
    private val accelerator: Accelerator,
) : Engine {
    override val inputs: List<Tensor> = tensorsOf(artifact.inputs)
    override val outputs: List<Tensor> = tensorsOf(artifact.outputs)
    private val delegate: Delegate? = accelerator.make()
    private val interpreter: Interpreter = load(artifact.file, model, threads)
    private val feeds: Array<Any>
    private val results: Map<Int, Any>
    private var closed = false

    override val info: BackendInfo =
        BackendInfo("litert", TensorFlowLite.runtimeVersion(), listOf(accelerator.title), threads)

    init {
        try {
            feeds = arranged(artifact)
            results = artifact.outputs.indices.associate { interpreter.getOutputIndex(artifact.outputs[it].tensor) to outputs[it].buffer }
        } catch (error: IllegalArgumentException) {
            release()
            throw EngineException("${artifact.file} does not have the tensors of its record: ${error.message}", ANEW, error)
        }
    }

    override fun run() {
        if (closed) throw EngineException("the model was closed")
        try {
            for (tensor in inputs) tensor.buffer.moveTo(0)
            for (tensor in outputs) tensor.buffer.moveTo(0)
            interpreter.runForMultipleInputsOutputs(feeds, results)
        } catch (error: IllegalArgumentException) {
            throw EngineException("LiteRT failed on ${accelerator.title}: ${error.message}", accelerator.hint, error)
        } catch (error: IllegalStateException) {
            throw EngineException("LiteRT failed on ${accelerator.title}: ${error.message}", accelerator.hint, error)
        }
    }

    override fun close() {
        if (closed) return
        closed = true
        release()
    }

    private fun release() {
        interpreter.close()
        delegate?.close()
    }

    private fun load(file: String, model: ByteBuffer, threads: Int): Interpreter {
        val options = Interpreter.Options().setNumThreads(threads).setUseXNNPACK(delegate == null)
        if (delegate != null) options.addDelegate(delegate)
        try {
            return Interpreter(model, options)
        } catch (error: IllegalArgumentException) {
            delegate?.close()
            throw EngineException("LiteRT cannot run $file on ${accelerator.title}: ${error.message}", accelerator.hint, error)
        } catch (error: UnsatisfiedLinkError) {
            delegate?.close()
            throw EngineException("LiteRT's native library is not in this app: ${error.message}", null, error)
        }
    }

    /** The inputs' buffers in the order of the file's inputs. */
    private fun arranged(artifact: Artifact): Array<Any> {
        val places = artifact.inputs.map { interpreter.getInputIndex(it.tensor) }
        require(places.toSet().size == interpreter.inputTensorCount) { "it has ${interpreter.inputTensorCount} inputs" }
        return Array(places.size) { inputs[places.indexOf(it)].buffer }
    }

    /** The processor that runs the operations. */
    public enum class Accelerator(internal val title: String, internal val suffix: String) {
        /** XNNPACK, LiteRT's own kernels where that does not take an operation. */
        CPU("XNNPACK", ""),

        /** OpenCL or OpenGL ES; float arithmetic in 16 bits. Open, run and close it on one and the same thread. */
        GPU("GPU", "-gpu"),

        /** The device's own driver; Android 15 deprecates it. */
        NNAPI("NNAPI", "-nnapi"),
        ;

        internal val hint: String? get() = if (this == CPU) null else "Use the CPU: not every device and model can use the $title"

        internal fun make(): Delegate? = try {
            when (this) {
                CPU -> null
                GPU -> gpu()
                NNAPI -> NnApiDelegate()
            }
        } catch (error: LinkageError) {
            throw EngineException("this app has no LiteRT $title delegate", hint, error)
        } catch (error: IllegalStateException) {
            throw EngineException("the LiteRT $title delegate cannot be had here: ${error.message}", hint, error)
        }

        private fun gpu(): Delegate {
            val supported = CompatibilityList().use { it.isDelegateSupportedOnThisDevice }
            if (!supported) throw EngineException("LiteRT does not support this device's GPU", hint)
            return GpuDelegate()
        }
    }

    /** LiteRT on one accelerator; without it, opening fails: the CPU never takes its place unasked. */
    public class Factory(private val accelerator: Accelerator = Accelerator.CPU) : EngineFactory {
        override val backend: String = "litert${accelerator.suffix}"
        override val target: Format = Format.TFLITE

        override fun open(artifact: Artifact, model: ByteBuffer, threads: Int): Engine {
            checkThreads(threads)
            return LiteRtEngine(artifact, model, threads, accelerator)
        }
    }
}
