package dev.edgecv

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtLoggingLevel
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer

/** An ONNX file on ONNX Runtime's CPU kernels; inputs and outputs are the engine's own memory, which the session uses in place. */
public class OnnxEngine private constructor(artifact: Artifact, model: ByteBuffer, threads: Int) : Engine {
    override val inputs: List<Tensor> = tensorsOf(artifact.inputs)
    override val outputs: List<Tensor> = tensorsOf(artifact.outputs)
    private val environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "edgecv").apply { setTelemetry(false) }
    private val session: OrtSession = open(artifact.file, model, threads)
    private val feeds: Map<String, OnnxTensor>
    private val pinned: Map<String, OnnxTensor>
    private var closed = false

    override val info: BackendInfo = BackendInfo("onnxruntime", environment.version, listOf("CPUExecutionProvider"), threads)

    init {
        try {
            checkNames(artifact)
            feeds = tensors(artifact.inputs, inputs)
            pinned = tensors(artifact.outputs, outputs)
        } catch (error: EngineException) {
            session.close()
            throw error
        }
    }

    override fun run() {
        if (closed) throw EngineException("the model was closed")
        try {
            session.run(feeds, pinned).close()
        } catch (error: OrtException) {
            throw EngineException("ONNX Runtime failed: ${error.message}", null, error)
        }
    }

    override fun close() {
        if (closed) return
        closed = true
        (feeds.values + pinned.values).forEach { it.close() }
        session.close()
    }

    private fun open(file: String, model: ByteBuffer, threads: Int): OrtSession = try {
        OrtSession.SessionOptions().use { options ->
            options.setIntraOpNumThreads(threads)
            options.setInterOpNumThreads(1)
            if (saturatesInt8()) options.addConfigEntry("session.x64quantprecision", "1")
            environment.createSession(model, options)
        }
    } catch (error: OrtException) {
        throw EngineException("ONNX Runtime cannot run $file: ${error.message?.lineSequence()?.first()}", null, error)
    }

    private fun checkNames(artifact: Artifact) {
        val unknown = artifact.inputs.map { it.tensor } - session.inputNames + (artifact.outputs.map { it.tensor } - session.outputNames)
        if (unknown.isNotEmpty()) throw EngineException("${artifact.file} has no tensor '${unknown[0]}'", ANEW)
    }

    private fun tensors(ios: List<TensorIO>, memory: List<Tensor>): Map<String, OnnxTensor> =
        ios.zip(memory).associate { (io, tensor) -> io.tensor to wrap(io, tensor) }

    private fun wrap(io: TensorIO, tensor: Tensor): OnnxTensor = try {
        val shape = LongArray(tensor.shape.size) { tensor.shape[it].toLong() }
        OnnxTensor.createTensor(environment, tensor.buffer, shape, kind(io, tensor.dtype))
    } catch (error: OrtException) {
        throw EngineException("ONNX Runtime does not take '${io.name}': ${error.message}", null, error)
    }

    private fun kind(io: TensorIO, dtype: DType): OnnxJavaType = when (dtype) {
        DType.FLOAT32 -> OnnxJavaType.FLOAT
        DType.FLOAT16 -> OnnxJavaType.FLOAT16
        DType.FLOAT64 -> OnnxJavaType.DOUBLE
        DType.INT8 -> OnnxJavaType.INT8
        DType.UINT8 -> OnnxJavaType.UINT8
        DType.INT16 -> OnnxJavaType.INT16
        DType.INT32 -> OnnxJavaType.INT32
        DType.INT64 -> OnnxJavaType.INT64
        DType.BOOL -> OnnxJavaType.BOOL
        DType.UINT16 -> throw EngineException("ONNX Runtime's Java API has no uint16, which '${io.name}' is")
    }

    /** ONNX Runtime. */
    public companion object Factory : EngineFactory {
        override val backend: String = "onnx"
        override val target: Format = Format.ONNX

        override fun open(artifact: Artifact, model: ByteBuffer, threads: Int): Engine {
            checkThreads(threads)
            return OnnxEngine(artifact, model, threads)
        }
    }
}
