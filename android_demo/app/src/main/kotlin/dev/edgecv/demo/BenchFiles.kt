package dev.edgecv.demo

import dev.edgecv.bench.Progress
import org.json.JSONObject
import java.io.File
import java.io.IOException

/**
 * The files of one run in the folder that the computer looks into; each appears whole.
 *
 * @param clock nanoseconds that only grow.
 */
class BenchFiles(private val folder: File, private val run: String, private val clock: () -> Long = System::nanoTime) {
    private var told = Long.MIN_VALUE

    /** Where the outputs are gathered, until [finish] gives them their name. */
    val answers: File = File(folder, "$run.answers.part")

    /** Say how far it is, at most once a second: each file costs the device something. */
    fun progress(progress: Progress) {
        val now = clock()
        if (told != Long.MIN_VALUE && now - told < EVERY_NS) return
        told = now
        val said = JSONObject().put("done", progress.done).put("total", progress.total).put("doing", progress.doing)
        write("$run.progress.json", said.toString())
    }

    /** Say why there will be no result. */
    fun fail(message: String, hint: String?) {
        answers.deleteRecursively()
        write("$run.error.json", JSONObject().put("message", message).put("hint", hint ?: JSONObject.NULL).toString())
    }

    /**
     * Give the answers (where there are any) their name, then the result: it is last.
     *
     * @throws IOException the folder cannot be written.
     */
    fun finish(json: String) {
        if (answers.exists() && !answers.renameTo(File(folder, "$run.answers"))) {
            throw IOException("${answers.name} cannot be renamed")
        }
        write("$run.json", json)
    }

    private fun write(name: String, text: String) = writeWhole(File(folder, name), text.toByteArray())

    private companion object {
        const val EVERY_NS = 1_000_000_000L
    }
}
