package dev.edgecv

import java.nio.ByteBuffer

/**
 * The runtime that really runs an artifact: the library and its version, the providers or processors in force, and the threads.
 *
 * @property refused where the best processor was asked for: why each that comes before is not the one, a sentence each.
 */
public data class BackendInfo(
    val name: String,
    val version: String,
    val providers: List<String>,
    val threads: Int,
    val refused: List<String> = emptyList(),
) {
    override fun toString(): String =
        "$name $version (${providers.joinToString()}), $threads thread${if (threads == 1) "" else "s"}" +
            refused.joinToString("") { "; $it" }
}

/** One loaded artifact. Fill [inputs], call [run], read [outputs]; all from one thread at a time. */
public interface Engine : AutoCloseable {
    /** The artifact's inputs, in the order of its record. */
    public val inputs: List<Tensor>

    /** The artifact's outputs, in the order of its record; they hold until the next [run]. */
    public val outputs: List<Tensor>

    /** The runtime that really runs it. */
    public val info: BackendInfo

    /**
     * Infer once.
     *
     * @throws EngineException a kernel failed, or the engine was closed.
     */
    public fun run()
}

/** Opens artifacts of one format on one runtime. */
public interface EngineFactory {
    /** The name that a benchmark calls it: "litert", "litert-gpu", "litert-npu", "litert-best", "onnx". */
    public val backend: String

    /** The format of the files that it runs. */
    public val target: Format

    /**
     * Load an artifact.
     *
     * @param model the file's bytes, a direct buffer; it must stay as it is while the engine lives.
     * @throws EngineException the runtime refused it, or what was asked for is not to be had: never another one silently.
     */
    public fun open(artifact: Artifact, model: ByteBuffer, threads: Int = 1): Engine
}

/** Tensors as an artifact's record describes them. */
internal fun tensorsOf(ios: List<TensorIO>): List<Tensor> = ios.map { io ->
    val dtype = DType.of(io.dtype) ?: throw EngineException("'${io.name}' has the dtype ${io.dtype}")
    Tensor(dtype, io.shape)
}

internal fun checkThreads(threads: Int) {
    if (threads < 1) throw EngineException("threads must be at least 1, got $threads")
}
