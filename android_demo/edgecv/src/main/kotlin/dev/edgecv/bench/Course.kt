package dev.edgecv.bench

import dev.edgecv.Bundle
import dev.edgecv.EdgecvException
import dev.edgecv.EngineFactory
import dev.edgecv.LivePrediction
import dev.edgecv.PictureDecoder
import dev.edgecv.Predictor

private const val SKIPPED = 0.1 // of a turn: what others left in the caches is not this artifact's fault
private const val STEP_SECONDS = 10.0
private const val STAGES = 4

/** The samples that are predicted in rotation: encoded pictures where they can be decoded, else prepared tensors. */
internal class Samples(val pictures: List<ByteArray>, val tensors: List<Map<String, FloatArray>>, val decoder: PictureDecoder?) {
    val size: Int = pictures.size + tensors.size
}

/** One artifact on one engine, and all that was measured of it; `failed` says why it takes no more turns. */
internal class Course(val row: Row, private val samples: Samples) {
    var failed: String? = null
        private set
    val warmMedians = ArrayList<Double>()
    val turnMedians = ArrayList<Double>()
    val stages = List(STAGES) { Times() }
    val sustained = ArrayList<Sustained>()
    var warmCount = 0
        private set
    var warmSeconds = 0.0
        private set
    private var loadUs = 0.0
    private var coldUs = 0.0
    private var next = 0
    private var predictor: Predictor? = null
    private val micros = DoubleArray(STAGES)

    /** Says whether the warm-up has settled, or its time is up. */
    fun isWarm(limit: Double): Boolean =
        settled(warmMedians) || (warmMedians.size >= TWO_WINDOWS && warmSeconds >= limit)

    fun load(bundle: Bundle, factory: EngineFactory) = attempt {
        val artifact = bundle.manifest.artifacts.first { it.file == row.artifact }
        val began = System.nanoTime()
        predictor = Predictor.open(bundle, artifact, factory, row.threads)
        loadUs = since(began)
        predict(running())
        coldUs = micros[1]
    }

    fun warmUp(seconds: Double) = attempt {
        val began = System.nanoTime()
        val times = List(STAGES) { Times() }
        turn(seconds, times)
        warmSeconds += since(began) / 1e6
        warmCount += times[1].size
        warmMedians += median(times[1].toArray())
    }

    fun measure(seconds: Double) = attempt {
        val times = List(STAGES) { Times() }
        turn(seconds, times)
        times.forEachIndexed { stage, values -> values.toArray().forEach(stages[stage]::add) }
        turnMedians += median(times[1].toArray())
    }

    /** Predict without a pause, and note p50 and p90 of every ten seconds; `told` gets the seconds that are over. */
    fun sustain(seconds: Double, told: (Double) -> Unit) = attempt {
        val began = System.nanoTime()
        var start = 0.0
        while (start < seconds) {
            val end = minOf(start + STEP_SECONDS, seconds)
            val times = Times()
            while (times.size == 0 || since(began) / 1e6 < end) {
                predict(running())
                times.add(micros[1])
            }
            val sorted = times.toArray().sortedArray()
            sustained += Sustained(tidy(start), times.size, tidy(percentile(sorted, 50.0)), tidy(percentile(sorted, 90.0)))
            start = maxOf(end, since(began) / 1e6)
            told(start)
        }
    }

    /** The real outputs for prepared samples: for each output its values, one array a sample. */
    fun answers(inputs: Sequence<Map<String, FloatArray>>): List<List<FloatArray>>? {
        var made: List<ArrayList<FloatArray>>? = null
        attempt {
            val names = running().artifact.outputs.map { it.name }
            val order = running().bundle.manifest.outputs.map { names.indexOf(it.name) }
            val collected = order.map { ArrayList<FloatArray>() }
            for (sample in inputs) {
                val outputs = running().outputsFor(sample)
                order.forEachIndexed { place, index -> collected[place] += outputs[index].copyOf() }
            }
            made = collected
        }
        return made
    }

    fun close() {
        predictor?.close()
        predictor = null
    }

    /** All that was measured. */
    fun result(multiplyAdds: Long?): Row {
        if (failed != null) return row.copy(notRun = failed)
        val (before, inference, after, total) = stages.map { latency(it.toArray()) }
        val info = running().backend
        return row.copy(
            library = Library(info.name, info.version, info.providers),
            loadUs = tidy(loadUs),
            coldUs = tidy(coldUs),
            preprocess = before,
            inference = inference,
            postprocess = after,
            total = total,
            perSecond = tidy(1e6 / total.meanUs),
            inferencesPerSecond = tidy(1e6 / maxOf(inference.meanUs, 1e-3)),
            warmUp = WarmUp(warmMedians.size, warmCount, tidy(warmSeconds), settled(warmMedians)),
            drift = drift(turnMedians),
            turnP50Us = turnMedians.map(::tidy),
            multiplyAddsPerSecond = multiplyAdds?.let { tidy(1e6 * it / maxOf(inference.p50Us, 1e-3)) },
            sustained = sustained.toList(),
        )
    }

    private fun running(): Predictor = checkNotNull(predictor) { "the course was closed" }

    /** Predict for so long, two times at least; the first tenth, once at least, is not counted. */
    private fun turn(seconds: Double, into: List<Times>) {
        val predictor = running()
        val began = System.nanoTime()
        do predict(predictor) while (since(began) < SKIPPED * seconds * 1e6)
        do {
            predict(predictor)
            for (stage in 0 until STAGES) into[stage].add(micros[stage])
        } while (since(began) < seconds * 1e6)
    }

    /** Predict the next sample: microseconds of the stages and of all, decoding included. */
    private fun predict(predictor: Predictor) {
        val place = next
        next = (next + 1) % samples.size
        val began = System.nanoTime()
        val answer: LivePrediction
        var decoded = 0.0
        if (samples.pictures.isEmpty()) {
            answer = predictor.runPrepared(samples.tensors[place])
        } else {
            val frame = checkNotNull(samples.decoder).decode(samples.pictures[place])
            decoded = since(began)
            answer = predictor.run(frame)
        }
        micros[3] = since(began)
        micros[0] = decoded + answer.preprocessNs / 1e3
        micros[1] = answer.inferenceNs / 1e3
        micros[2] = answer.postprocessNs / 1e3
    }

    private fun since(began: Long): Double = (System.nanoTime() - began) / 1e3

    /** Do something; if it fails, the others go on without this course. */
    private fun attempt(action: () -> Unit) {
        if (failed != null) return
        try {
            action()
        } catch (error: EdgecvException) {
            failed = listOfNotNull(error.message, error.hint).joinToString(". ")
            close()
        }
    }
}
