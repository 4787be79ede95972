package dev.edgecv.bench

import dev.edgecv.Bundle
import dev.edgecv.EngineFactory
import dev.edgecv.PictureDecoder
import java.io.File

/** How far a benchmark is; `total` is 0 where it is not known. */
public data class Progress(val done: Int, val total: Int, val doing: String)

/**
 * Measures a bundle on this device: every artifact on every engine, in turns, so that a slow moment falls on all of them.
 *
 * Call [run] on a thread of its own; [cancel] may be called from another.
 *
 * @param engines what can run here; each brings a row for every artifact of its format and number of threads.
 * @param machine this device, from [Device.facts].
 * @param decoder for the golden pictures; null: the golden tensors are measured.
 */
public class Benchmark(
    private val bundle: Bundle,
    private val engines: List<EngineFactory>,
    private val machine: Machine,
    private val decoder: PictureDecoder? = null,
) {
    @Volatile
    private var cancelled = false

    /** Let [run] end with a [java.util.concurrent.CancellationException] after the turn that is under way. */
    public fun cancel() {
        cancelled = true
    }

    /**
     * Measure what the options ask for; a row that cannot run says why.
     *
     * @param samples a folder with `N.npy`, float32, the preprocessed samples for input N; null: none.
     * @param answers where the outputs go, `ROW/SET/N.npy`, SET `golden` or `evaluation`; null: nowhere.
     * @param watcher is told of every turn before it begins; it should return at once.
     * @throws dev.edgecv.BundleException the bundle has nothing that was asked for, or is damaged.
     * @throws dev.edgecv.EngineException nothing at all could be measured.
     * @throws dev.edgecv.BenchException the samples are not what they should be.
     */
    public fun run(
        options: Options,
        samples: File? = null,
        answers: File? = null,
        watcher: (Progress) -> Unit = {},
    ): Result {
        TODO()
    }
}
