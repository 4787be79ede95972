package dev.edgecv.demo

import android.content.Context
import dev.edgecv.ArgbFrame
import dev.edgecv.Artifact
import dev.edgecv.Bundle
import dev.edgecv.BundleException
import dev.edgecv.EngineFactory
import dev.edgecv.Frame
import dev.edgecv.Kind
import dev.edgecv.LiteRtEngine
import dev.edgecv.OnnxEngine
import dev.edgecv.PictureDecoder
import dev.edgecv.Predictor
import dev.edgecv.SelfTest
import dev.edgecv.Status
import dev.edgecv.android.AssetSource
import dev.edgecv.android.decodePicture
import dev.edgecv.android.set

/** The LiteRT that this app is built with (gradle/libs.versions.toml). */
private const val LITERT = "2.3.0"

/**
 * The runtimes that this app can run models on, each by its name, the best first.
 *
 * @param libraries where Android has unpacked the app's native libraries, the NPU's among them; null: nowhere.
 */
fun engines(libraries: String?): List<EngineFactory> = listOf(
    litert(LiteRtEngine.Accelerator.CPU, libraries),
    OnnxEngine,
    litert(LiteRtEngine.Accelerator.GPU, libraries),
    litert(LiteRtEngine.Accelerator.NPU, libraries),
)

private fun litert(accelerator: LiteRtEngine.Accelerator, libraries: String?): EngineFactory =
    LiteRtEngine.Factory(accelerator, libraries, LITERT)

/** Golden pictures, decoded by Android. */
val DECODER: PictureDecoder = PictureDecoder { ArgbFrame().set(decodePicture(it)) }

/** An artifact and what runs it. */
class Choice(val artifact: Artifact, val factory: EngineFactory) {
    /** The choice in words, such as "tflite int8 on litert-gpu". */
    val title: String = "${artifact.title} on ${factory.backend}" + when (artifact.parity) {
        Status.FAILED -> " (failed its proof)"
        Status.WEAK -> " (its proof is weak)"
        Status.PASSED, Status.NOT_RUN -> ""
    }

    /** The choice's name in an intent. */
    val key: String = "${artifact.file}@${factory.backend}"
}

/** Everything that may answer for a bundle here: every file on every runtime by name, then on LiteRT's best. */
fun choices(bundle: Bundle, libraries: String?): List<Choice> =
    (engines(libraries) + litert(LiteRtEngine.Accelerator.BEST, libraries)).flatMap { engine ->
        bundle.manifest.artifacts.filter { it.target == engine.target }.map { Choice(it, engine) }
    }

/**
 * A model to ask. Open, ask and close it on one thread: the GPU insists on it.
 *
 * @property verdict the outcome of the self-test on this device, in words.
 */
class LoadedModel(private val predictor: Predictor, val verdict: String) : AutoCloseable {
    val bundle: Bundle get() = predictor.bundle

    /** The file that answers and the runtime that runs it, and what was left out of the bundle, in words. */
    val facts: String = Lines.facts(predictor.describe(), bundle.leftOut)

    /** True if the model's only input is a picture. */
    val takesPictures: Boolean = bundle.manifest.inputs.singleOrNull()
        ?.let { bundle.manifest.preprocess.getValue(it.name).kind == Kind.IMAGE } ?: false

    /**
     * Answer for a frame into `latest`.
     *
     * @throws dev.edgecv.EdgecvException the frame is of another form, or the runtime failed.
     */
    fun answer(latest: LatestAnswer, frame: Frame) = latest.put(predictor.run(frame))

    override fun close() {
        predictor.close()
        bundle.close()
    }
}

/** Opens the bundles of this app's assets, and tests each once. */
class ModelLoader(private val context: Context) {
    private val libraries: String? = context.applicationInfo.nativeLibraryDir
    private val verdicts = context.getSharedPreferences("verdicts", Context.MODE_PRIVATE)

    /**
     * The bundle of that name, or the first one.
     *
     * @throws BundleException there is none, or it is damaged.
     */
    fun bundle(name: String?): Bundle {
        val names = AssetSource.names(context.assets)
        val wanted = name?.removeSuffix(SUFFIX)?.plus(SUFFIX) ?: names.firstOrNull()
        val source = AssetSource(context.assets, wanted ?: throw BundleException(Words.NO_BUNDLE, Words.NO_BUNDLE_HINT))
        if (!source.exists(MANIFEST)) {
            throw BundleException("there is no bundle $wanted in this app", "It has ${names.joinToString().ifEmpty { "none" }}")
        }
        return Bundle.open(source)
    }

    /**
     * Open a bundle and the artifact of that [Choice.key] (null: the best that runs here), and see that this device agrees.
     *
     * @throws dev.edgecv.EdgecvException the bundle or the runtime is to blame.
     */
    fun load(name: String?, key: String?): LoadedModel {
        val bundle = bundle(name)
        return try {
            val choice = choices(bundle, libraries).find { it.key == key }
            val predictor = if (choice == null) Predictor.open(bundle, engines(libraries), THREADS)
            else Predictor.open(bundle, choice.artifact, choice.factory, THREADS)
            predictor.warmUp()
            LoadedModel(predictor, verdict(predictor))
        } catch (error: dev.edgecv.EdgecvException) {
            bundle.close()
            throw error
        }
    }

    /** Once for each bundle (by its identity), file, runtime and version of Android. */
    private fun verdict(predictor: Predictor): String {
        val key = "${predictor.bundle.identity} ${predictor.artifact.sha256} ${predictor.backend} ${android.os.Build.FINGERPRINT}"
        verdicts.getString(key, null)?.let { return it }
        val verdict = Lines.verdict(SelfTest.run(predictor, DECODER))
        verdicts.edit().putString(key, verdict).apply()
        return verdict
    }

    private companion object {
        const val SUFFIX = ".edgecv"
        const val MANIFEST = "bundle.json"

        /** Phones have few fast cores; more threads wait for the slow ones. */
        val THREADS: Int = minOf(4, Runtime.getRuntime().availableProcessors())
    }
}

