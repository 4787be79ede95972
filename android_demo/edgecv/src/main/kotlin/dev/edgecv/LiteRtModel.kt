package dev.edgecv

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import com.google.ai.edge.litert.TensorType
import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.nio.ByteBuffer

/** A file that LiteRT has compiled, with its own environment, and its memory for each tensor, made once. */
internal class LiteRtModel private constructor(
    private val file: String,
    private val environment: Environment,
    private val model: CompiledModel,
    val accelerator: LiteRtEngine.Accelerator,
    val refused: List<String>,
) : AutoCloseable {
    private val inputs = LinkedHashMap<String, TensorBuffer>()
    private val outputs = LinkedHashMap<String, TensorBuffer>()

    /** What copies the inputs into LiteRT's memory. */
    fun feeds(ios: List<TensorIO>, tensors: List<Tensor>): List<TensorCopy> =
        ios.zip(tensors) { io, tensor -> copy(io, tensor, inputs, model::getInputTensorType, model::createInputBuffer) }

    /** What copies the outputs out of LiteRT's memory, in the order of the record whatever theirs is in the file. */
    fun results(ios: List<TensorIO>, tensors: List<Tensor>): List<TensorCopy> =
        ios.zip(tensors) { io, tensor -> copy(io, tensor, outputs, model::getOutputTensorType, model::createOutputBuffer) }

    /** Infer once; on the GPU it may still be under way, until an output is read. */
    fun run() = model.run(inputs, outputs)

    override fun close() {
        for (buffer in inputs.values + outputs.values) buffer.close()
        model.close()
        environment.close()
    }

    private fun copy(
        io: TensorIO,
        tensor: Tensor,
        buffers: MutableMap<String, TensorBuffer>,
        type: (String, String) -> TensorType,
        create: (String, String) -> TensorBuffer,
    ): TensorCopy {
        val buffer = try {
            create(io.tensor, DEFAULT)
        } catch (error: LiteRtException) {
            throw EngineException("$file has no tensor '${io.tensor}': ${error.message}", ANEW, error)
        }
        buffers[io.tensor] = buffer
        val made = TensorCopy.of(io, tensor, buffer)
        check(io, made) { type(io.tensor, DEFAULT) }
        return made
    }

    /** LiteRT's Kotlin API has no name for uint8, and throws for it: then at least it is none of the types that have one. */
    private fun check(io: TensorIO, made: TensorCopy, type: () -> TensorType) {
        val found = try {
            type()
        } catch (error: LiteRtException) {
            if (made.type == null) return
            throw EngineException("'${io.tensor}' in $file is not ${io.dtype} ${io.shape}: ${error.message}", ANEW, error)
        }
        val shape = found.layout?.dimensions ?: io.shape
        if (found.elementType != made.type || shape != io.shape) {
            throw EngineException("'${io.tensor}' in $file is ${found.elementType} $shape, not ${io.dtype} ${io.shape}", ANEW)
        }
    }

    /** Compiles files. */
    companion object {
        private const val DEFAULT = "" // the signature; the files have none, and LiteRT names one after the tensors

        /**
         * Compile a file for an accelerator, or for the first that takes it.
         *
         * @throws EngineException none does; of several reasons the last, which is the CPU's.
         * @throws LinkageError LiteRT's classes or its native library are not in the app.
         */
        fun compile(
            file: String,
            model: ByteBuffer,
            wanted: LiteRtEngine.Accelerator,
            threads: Int,
            libraries: String?,
        ): LiteRtModel {
            val environment = environment(libraries)
            try {
                return withFile(model) { path -> compile(file, path, environment, wanted, threads) }
            } catch (error: EngineException) {
                environment.close()
                throw error
            }
        }

        private fun compile(
            file: String,
            path: String,
            environment: Environment,
            wanted: LiteRtEngine.Accelerator,
            threads: Int,
        ): LiteRtModel {
            val refused = ArrayList<String>()
            for (accelerator in wanted.choices) {
                try {
                    checkThere(accelerator, environment)
                    val options = CompiledModel.Options(hardware(accelerator))
                    if (accelerator.usesCpu) options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
                    val model = CompiledModel.create(path, options, environment)
                    return LiteRtModel(file, environment, model, accelerator, refused)
                } catch (error: LiteRtException) {
                    refused += "LiteRT cannot run $file on the $accelerator: ${error.message}"
                } catch (error: EngineException) {
                    refused += error.message
                }
            }
            throw EngineException(refused.last(), wanted.choices.last().hint)
        }

        private fun hardware(accelerator: LiteRtEngine.Accelerator): Accelerator = when (accelerator) {
            LiteRtEngine.Accelerator.CPU -> Accelerator.CPU
            LiteRtEngine.Accelerator.GPU -> Accelerator.GPU
            LiteRtEngine.Accelerator.NPU -> Accelerator.NPU
            LiteRtEngine.Accelerator.BEST -> Accelerator.NONE
        }

        /** Without it LiteRT leaves all operations to the CPU and says nothing. */
        private fun checkThere(accelerator: LiteRtEngine.Accelerator, environment: Environment) {
            if (accelerator == LiteRtEngine.Accelerator.CPU || hardware(accelerator) in environment.getAvailableAccelerators()) return
            throw EngineException("LiteRT finds no $accelerator: this device has none that it knows, or the app lacks its library")
        }

        private fun environment(libraries: String?): Environment = try {
            val options = listOf(Environment.Option.DispatchLibraryDir, Environment.Option.CompilerPluginLibraryDir)
            Environment.create(if (libraries == null) emptyMap() else options.associateWith { libraries })
        } catch (error: LiteRtException) {
            throw EngineException("LiteRT does not start: ${error.message}", null, error)
        }

        /** LiteRT reads files and assets, and no memory: the bytes, whose digest was checked, lie in the app's cache while it does. */
        private fun withFile(model: ByteBuffer, action: (String) -> LiteRtModel): LiteRtModel {
            val file = try {
                File.createTempFile("edgecv", ".tflite").also { write(model, it) }
            } catch (error: IOException) {
                throw EngineException("the model cannot be copied to where LiteRT reads it: ${error.message}", "Make room on the device", error)
            }
            return try {
                action(file.path)
            } finally {
                file.delete() // what LiteRT has mapped of it stays
            }
        }

        private fun write(model: ByteBuffer, file: File) {
            val bytes = model.duplicate()
            bytes.moveTo(0)
            try {
                FileOutputStream(file).channel.use { while (bytes.hasRemaining()) it.write(bytes) }
            } catch (error: IOException) {
                file.delete()
                throw error
            }
        }
    }
}
