package dev.edgecv.demo

import dev.edgecv.EdgecvException
import dev.edgecv.bench.Options
import java.io.File
import kotlin.io.encoding.Base64

/** What an intent carries. */
interface Extras {
    fun has(name: String): Boolean

    /** 0 where there is none. */
    fun int(name: String): Int

    fun string(name: String): String?

    /** False where there is none. */
    fun flag(name: String): Boolean
}

/** What a benchmark was started with: docs/bench_devices.md, "The protocol, for the app". */
sealed interface BenchRequest {
    /** Names the files of this run; null where a person started it. */
    val run: String?

    /**
     * @property bundle an absolute path, the name of a bundle among the assets, or null for the first of these.
     * @property samples a folder with `N.npy`, or null.
     * @property answers whether the outputs are wanted.
     */
    data class Accepted(
        override val run: String?,
        val bundle: String?,
        val options: Options,
        val samples: File?,
        val answers: Boolean,
    ) : BenchRequest

    /** It asks for what this app does not do; [run] is null where even that is unusable. */
    data class Refused(override val run: String?, val message: String, val hint: String?) : BenchRequest

    companion object {
        /** The version of the protocol. */
        const val PROTOCOL = 1
        private const val SHARED = "/data/local/tmp/" // where adb may write and apps may read
        private const val UPDATE = "Install the demo app that belongs to this edgecv: android_demo/README.md"
        private val RUN = Regex("[0-9a-f]{16}")

        /** Read an intent; nothing in it is trusted, any app may send one. */
        fun read(extras: Extras): BenchRequest {
            val byComputer = extras.has("edgecv.protocol") || extras.has("edgecv.run")
            return if (byComputer) readProtocol(extras) else byHand(extras.string(EXTRA_BUNDLE))
        }

        private fun readProtocol(extras: Extras): BenchRequest {
            val run = extras.string("edgecv.run")?.takeIf(RUN::matches)
                ?: return Refused(null, "edgecv.run is not a name of 16 hexadecimal digits", UPDATE)
            val protocol = extras.int("edgecv.protocol")
            if (protocol != PROTOCOL) {
                return Refused(run, "the demo app knows the protocol $PROTOCOL, it was started with $protocol", UPDATE)
            }
            val bundle = extras.string("edgecv.bundle") ?: return Refused(run, "edgecv.bundle is missing", UPDATE)
            val samples = extras.string("edgecv.samples")
            val bad = listOfNotNull(bundle, samples).find { !isShared(it) }
            if (bad != null) return Refused(run, "'$bad' does not lie in $SHARED", UPDATE)
            return accept(run, bundle, extras.string("edgecv.options"), samples, extras.flag("edgecv.answers"))
        }

        private fun accept(run: String, bundle: String, options: String?, samples: String?, answers: Boolean): BenchRequest =
            try {
                val json = options?.let { Base64.decode(it).decodeToString() }
                Accepted(run, bundle, json?.let(Options::parse) ?: Options(), samples?.let(::File), answers)
            } catch (error: IllegalArgumentException) {
                Refused(run, "edgecv.options is not base64: ${error.message}", UPDATE)
            } catch (error: EdgecvException) {
                Refused(run, error.message, error.hint)
            }

        private fun byHand(bundle: String?): BenchRequest =
            if (bundle == null || '/' !in bundle || isShared(bundle)) Accepted(null, bundle, Options(), null, false)
            else Refused(null, "'$bundle' does not lie in $SHARED", "Push the bundle there, or name one of this app's")

        private fun isShared(path: String): Boolean = path.startsWith(SHARED) && ".." !in path.split('/')
    }
}
