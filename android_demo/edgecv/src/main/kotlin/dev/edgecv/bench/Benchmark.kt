package dev.edgecv.bench

import dev.edgecv.Artifact
import dev.edgecv.BenchException
import dev.edgecv.Bundle
import dev.edgecv.BundleException
import dev.edgecv.EngineException
import dev.edgecv.EngineFactory
import dev.edgecv.PictureDecoder
import java.io.File
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone
import java.util.concurrent.CancellationException

private const val MOST_INPUTS = 32
private const val GOLDEN = "golden"
private const val EVALUATION = "evaluation"

/** The progress of a benchmark: turns done, turns in all, and what is being done; `total` is 0 where it is not known. */
public data class Progress(val done: Int, val total: Int, val doing: String)

/**
 * Measures a bundle on this device: every artifact on every engine, in turns, so that a slow moment falls on all of them.
 *
 * All rows share this process; so there is no row's own peak memory, and all artifacts are loaded at the same time. Call [run] on a
 * thread of its own; [cancel] may be called from another.
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
    private val manifest = bundle.manifest

    @Volatile
    private var cancelled = false

    /** Let [run] end with a [CancellationException] after the turn that is under way. */
    public fun cancel() {
        cancelled = true
    }

    /**
     * Measure what the options ask for; a row that cannot run says why.
     *
     * @param samples a folder with `N.npy`, float32, the preprocessed samples for input N; null: none.
     * @param answers where the outputs go, `ROW/SET/N.npy`, SET `golden` or `evaluation`; null: nowhere.
     * @param watcher is told of every turn before it begins; it should return at once.
     * @throws BundleException the bundle has nothing that was asked for, or is damaged.
     * @throws EngineException nothing at all could be measured.
     * @throws BenchException the samples are not what they should be, or the answers cannot be written.
     */
    public fun run(
        options: Options,
        samples: File? = null,
        answers: File? = null,
        watcher: (Progress) -> Unit = {},
    ): Result {
        val chosen = chosen(options)
        val golden = goldenInputs()
        val inputs = rotation(golden)
        val courses = chosen.map { Course(it.second, inputs) }
        try {
            val turns = Turns(courses, watcher) { cancelled }
            turns.load { number, course -> course.load(bundle, chosen[number].first) }
            turns.warmUp(options)
            turns.measure(options)
            if (options.sustainedSeconds > 0) turns.sustain(toSustain(courses, options), options.sustainedSeconds)
            if (answers != null) writeAnswers(courses, golden, samples, answers, turns)
            return result(options, inputs, courses.map { it.result(manifest.provenance.source.multiplyAdds) })
        } finally {
            courses.forEach { it.close() }
        }
    }

    private fun chosen(options: Options): List<Pair<EngineFactory, Row>> {
        val unknown = options.backends - engines.map { it.backend }.toSet()
        if (unknown.isNotEmpty()) {
            throw EngineException("unknown backend '${unknown[0]}'", "This app has ${engines.joinToString { it.backend }}")
        }
        val rows = manifest.artifacts
            .filter { options.targets.isEmpty() || it.target.title in options.targets }
            .filter { options.precisions.isEmpty() || it.precision in options.precisions }
            .flatMap { artifact -> engines.filter { fits(it, artifact, options) }.flatMap { rows(it, artifact, options) } }
        if (rows.isNotEmpty()) return rows
        throw BundleException(
            "no artifact of the bundle ${bundle.name} fits what was asked for",
            "It has ${manifest.artifacts.joinToString { it.title }}; this app runs " +
                engines.joinToString { it.backend },
        )
    }

    private fun fits(factory: EngineFactory, artifact: Artifact, options: Options): Boolean =
        factory.target == artifact.target && (options.backends.isEmpty() || factory.backend in options.backends)

    private fun rows(factory: EngineFactory, artifact: Artifact, options: Options): List<Pair<EngineFactory, Row>> =
        options.threadCounts().map { threads ->
            factory to Row(
                artifact = artifact.file,
                target = artifact.target,
                precision = artifact.precision,
                sha256 = artifact.sha256,
                bytes = artifact.bytes,
                backend = factory.backend,
                threads = threads,
            )
        }

    private fun goldenInputs(): List<Map<String, FloatArray>> =
        bundle.golden().cases.map { case -> case.inputs.mapValues { (_, tensor) -> bundle.goldenTensor(tensor) } }

    private fun rotation(golden: List<Map<String, FloatArray>>): Samples {
        val pictures = if (decoder == null || manifest.inputs.size > 1) {
            emptyList()
        } else {
            bundle.golden().cases.mapNotNull { bundle.goldenPicture(it) }.take(MOST_INPUTS)
        }
        return Samples(pictures, if (pictures.isEmpty()) golden.take(MOST_INPUTS) else emptyList(), decoder)
    }

    /** All rows, or the fastest int8 row; the fastest of any precision where there is no int8. */
    private fun toSustain(courses: List<Course>, options: Options): List<Course> {
        val ran = courses.filter { it.failed == null }
        if (options.sustainAll) return ran
        val integer = ran.filter { it.row.precision == "int8" || it.row.precision == "mixed" }
        return listOfNotNull(integer.ifEmpty { ran }.minByOrNull { median(it.stages.last().toArray()) })
    }

    private fun writeAnswers(courses: List<Course>, golden: List<Map<String, FloatArray>>, samples: File?, into: File, turns: Turns) {
        val sets = buildMap {
            put(GOLDEN, golden.asSequence())
            if (samples != null) put(EVALUATION, SampleFolder(samples, manifest).sequence())
        }
        turns.answer { number, course ->
            for ((set, inputs) in sets) {
                course.answers(inputs)?.forEachIndexed { place, lines ->
                    val shape = listOf(lines.size) + manifest.outputs[place].shape.drop(1)
                    Npy.write(File(into, "$number/$set/$place.npy"), shape, lines)
                }
            }
        }
    }

    private fun result(options: Options, inputs: Samples, rows: List<Row>): Result {
        if (rows.all { it.notRun != null }) {
            throw EngineException("nothing could be measured; ${rows[0].title}: ${rows[0].notRun}")
        }
        val after = machine.copy(loadAfter = Device.loadAverage(), celsiusAfter = Device.hottest())
        val against = reasonsAgainst(rows, after)
        return Result(
            name = bundle.name,
            identity = bundle.identity,
            task = manifest.heads.joinToString { it.kind.title },
            created = now(),
            machine = after,
            settings = settings(options, inputs),
            rows = rows,
            multiplyAdds = manifest.provenance.source.multiplyAdds,
            stable = against.isEmpty(),
            unstable = against,
            notes = notes(options, rows),
        )
    }

    private fun settings(options: Options, inputs: Samples) = Settings(
        rounds = options.rounds,
        seconds = options.seconds,
        warmUpSeconds = options.warmUpSeconds,
        sustainedSeconds = options.sustainedSeconds,
        threads = options.threadCounts(),
        input = if (inputs.pictures.isEmpty()) "tensors" else "pictures",
        data = GOLDEN,
        inputs = inputs.size,
    )

    private fun notes(options: Options, rows: List<Row>): List<String> {
        val failed = manifest.artifacts.filter { it.parity == dev.edgecv.Status.FAILED }
        val alone = if (options.sustainAll) emptyList() else rows.filter { it.sustained.isNotEmpty() }
        return failed.map { "${it.file} failed its proof when the bundle was made" } +
            alone.map { "Only ${it.title} was run for ${options.sustainedSeconds} s without a pause" }
    }

    private fun now(): String = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT)
        .apply { timeZone = TimeZone.getTimeZone("UTC") }
        .format(Date())
}

/** The preprocessed samples of a folder: `N.npy` for the N-th input. */
private class SampleFolder(folder: File, private val manifest: dev.edgecv.Manifest) {
    private val arrays = manifest.inputs.indices.map { Npy.read(File(folder, "$it.npy")) }

    fun sequence(): Sequence<Map<String, FloatArray>> {
        arrays.forEachIndexed { place, array ->
            val wanted = manifest.inputs[place].shape.drop(1)
            if (array.shape.drop(1) != wanted) {
                throw BenchException("the samples of input $place have the shape ${array.shape}, the model takes $wanted")
            }
        }
        val count = arrays.minOf { it.shape[0] }
        return (0 until count).asSequence().map { row ->
            manifest.inputs.indices.associate { manifest.inputs[it].name to arrays[it].row(row) }
        }
    }
}
