package dev.edgecv.demo

import dev.edgecv.Bundle
import dev.edgecv.EdgecvException
import dev.edgecv.EngineFactory
import dev.edgecv.PictureDecoder
import dev.edgecv.bench.Benchmark
import dev.edgecv.bench.Machine
import dev.edgecv.bench.Progress
import dev.edgecv.bench.Result
import java.io.IOException
import java.util.concurrent.CancellationException

/** The end of a benchmark: a result, or the reason why there is none. */
sealed interface BenchOutcome {
    data class Done(val result: Result, val json: String) : BenchOutcome

    data class Failed(val message: String, val hint: String?) : BenchOutcome
}

/**
 * One benchmark from its request to its files.
 *
 * @param files where the computer that asked looks; null where a person asked.
 * @param open the bundle that the request names.
 * @param machine this device before it begins.
 * @param finished completes the result with what only the end tells.
 */
class BenchJob(
    private val request: BenchRequest.Accepted,
    private val files: BenchFiles?,
    private val engines: List<EngineFactory>,
    private val decoder: PictureDecoder?,
    private val open: (String?) -> Bundle,
    private val machine: () -> Machine,
    private val finished: (Result) -> Result,
) {
    @Volatile
    private var benchmark: Benchmark? = null

    @Volatile
    private var cancelled = false

    /** Let [run] end soon, from another thread. */
    fun cancel() {
        cancelled = true
        benchmark?.cancel()
    }

    /** Measure, and leave the result or the error for the computer. `show` is told of every turn and returns at once. */
    fun run(show: (Progress) -> Unit): BenchOutcome {
        val outcome = try {
            measure(show)
        } catch (_: CancellationException) {
            BenchOutcome.Failed(Words.STOPPED, Words.STOPPED_HINT)
        } catch (error: EdgecvException) {
            BenchOutcome.Failed(error.message, error.hint)
        } catch (error: IOException) {
            BenchOutcome.Failed("the result cannot be written: ${error.message}", "Make room on the device")
        } catch (error: OutOfMemoryError) {
            BenchOutcome.Failed("the device's memory is too small for this", "Measure fewer artifacts: --target, --precision")
        }
        if (outcome is BenchOutcome.Failed) tellFailure(outcome)
        return outcome
    }

    private fun measure(show: (Progress) -> Unit): BenchOutcome = open(request.bundle).use { bundle ->
        val mine = Benchmark(bundle, engines, machine(), decoder)
        benchmark = mine
        if (cancelled) mine.cancel()
        val answers = files?.answers.takeIf { request.answers }
        val result = finished(
            mine.run(request.options, request.samples, answers) {
                files?.progress(it)
                show(it)
            },
        )
        val json = result.toJson()
        files?.finish(json)
        BenchOutcome.Done(result, json)
    }

    private fun tellFailure(outcome: BenchOutcome.Failed) = try {
        files?.fail(outcome.message, outcome.hint)
    } catch (_: IOException) {
        // the storage is full or gone: the screen says it, and the computer sees that there is no result
    }
}
