package dev.edgecv

import dev.edgecv.preprocess.RealInput

/**
 * A bundle that answers: a frame goes in, and what each head says of it comes out. Use it on one thread at a time, and close it; the bundle stays open.
 *
 * @property bundle whose model it is.
 * @property artifact the one that is loaded.
 */
public class Predictor private constructor(
    public val bundle: Bundle,
    public val artifact: Artifact,
    private val engine: Engine,
) : AutoCloseable {
    private val names = artifact.inputs.map { it.name }
    private val reader = OutputReader(bundle.manifest, artifact)
    private val preprocessors = artifact.inputs.map { Preprocessor(bundle.manifest.preprocess.getValue(it.name), it) }
    private val feeds = artifact.inputs.map { RealInput(it) }

    /** The runtime that really runs the artifact. */
    public val backend: BackendInfo get() = engine.info

    /** Names the artifact that answers, and the runtime that runs it. */
    public fun describe(): String = "${artifact.file} on $backend"

    /**
     * Answer for a picture.
     *
     * @throws InputException the model takes a tensor, or several inputs.
     * @throws EngineException the engine failed, or the model gave NaN.
     */
    public fun predict(frame: Frame): Prediction = run(frame).prediction()

    /** As [predict], without an allocation of this library's once frames of this form were seen: it is always the same object. */
    public fun run(frame: Frame): LivePrediction {
        val began = System.nanoTime()
        val view = only().process(frame, engine.inputs[0])
        return infer(System.nanoTime() - began, view)
    }

    /**
     * Answer for a raw tensor of a model that takes no pictures: numbers before `normalize`, of one sample.
     *
     * @throws InputException the model takes pictures, or several inputs, or the length is wrong, or a value is not finite.
     */
    public fun predict(values: FloatArray): Prediction {
        val began = System.nanoTime()
        only().process(values, engine.inputs[0])
        return infer(System.nanoTime() - began).prediction()
    }

    /**
     * Answer for preprocessed tensors, as golden cases hold them: real values of one sample in the source's layout, by input.
     *
     * @throws InputException an input is missing or unknown, or a length is wrong, or a value is not finite.
     */
    public fun predictPrepared(tensors: Map<String, FloatArray>): Prediction = runPrepared(tensors).prediction()

    /** As [predictPrepared]; it is always the same object. */
    public fun runPrepared(tensors: Map<String, FloatArray>): LivePrediction {
        val began = System.nanoTime()
        feed(tensors)
        return infer(System.nanoTime() - began)
    }

    /** Every output's real values for preprocessed tensors, in the order of the artifact's record; no decision is made of them. */
    internal fun outputsFor(tensors: Map<String, FloatArray>): List<FloatArray> {
        feed(tensors)
        engine.run()
        reader.readReal(engine.outputs)
        return reader.prediction.outputs
    }

    /** Run the model on whatever is in its inputs, so that the first frame does not pay for what a runtime prepares lazily. */
    public fun warmUp(runs: Int = 3) {
        repeat(runs) { engine.run() }
    }

    override fun close() {
        engine.close()
    }

    private fun feed(tensors: Map<String, FloatArray>) {
        if (tensors.keys != names.toSet()) {
            throw InputException("the model's inputs are ${names.joinToString()}, got ${tensors.keys.joinToString()}")
        }
        for (i in feeds.indices) feeds[i].write(tensors.getValue(names[i]), engine.inputs[i])
    }

    private fun only(): Preprocessor = preprocessors.singleOrNull()
        ?: throw InputException("the model has ${preprocessors.size} inputs", "Give prepared tensors by name")

    private fun infer(preprocessNs: Long, view: View? = null): LivePrediction {
        val began = System.nanoTime()
        engine.run()
        val inferred = System.nanoTime()
        reader.read(engine.outputs, view)
        val made = reader.prediction
        made.preprocessNs = preprocessNs
        made.inferenceNs = inferred - began
        made.postprocessNs = System.nanoTime() - inferred
        return made
    }

    /** Opens predictors. */
    public companion object {
        private val integer = listOf("int8", "mixed")
        private val float = listOf("float32", "float16", "dynamic", "int16x8")

        /**
         * Load one artifact.
         *
         * @throws BundleException it is missing or was changed.
         * @throws EngineException the factory runs another format, or the runtime refused the file.
         * @throws SpecException the preprocessing is none that this library does.
         */
        public fun open(bundle: Bundle, artifact: Artifact, factory: EngineFactory, threads: Int = 1): Predictor {
            if (factory.target != artifact.target) {
                throw EngineException("${factory.backend} does not run ${artifact.target.title} files")
            }
            val engine = factory.open(artifact, bundle.model(artifact), threads)
            return try {
                Predictor(bundle, artifact, engine)
            } catch (error: EdgecvException) {
                engine.close()
                throw error
            }
        }

        /**
         * Load the best artifact that runs here: int8 before float, engines in the order given. One that failed its proof is never
         * taken unasked.
         *
         * @throws EngineException none runs here; of several reasons the first.
         */
        public fun open(bundle: Bundle, factories: List<EngineFactory>, threads: Int = 1): Predictor {
            var reason: EdgecvException? = null
            for ((artifact, factory) in candidates(bundle, factories)) {
                try {
                    return open(bundle, artifact, factory, threads)
                } catch (error: EngineException) {
                    reason = reason ?: error
                }
            }
            throw reason ?: EngineException(
                "the bundle ${bundle.name} has nothing that passed its proof for ${factories.joinToString { it.backend }}",
                "It has ${bundle.manifest.artifacts.joinToString { "${it.title} (${it.parity.name.lowercase()})" }}",
            )
        }

        private fun candidates(bundle: Bundle, factories: List<EngineFactory>): List<Pair<Artifact, EngineFactory>> =
            listOf(integer, float).flatMap { kinds ->
                factories.flatMap { factory ->
                    kinds.flatMap { kind ->
                        bundle.manifest.artifacts
                            .filter { it.target == factory.target && it.precision == kind && it.parity != Status.FAILED }
                            .map { it to factory }
                    }
                }
            }
    }
}
