package dev.edgecv.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.View
import android.view.WindowManager
import android.widget.ProgressBar
import android.widget.ScrollView
import dev.edgecv.bench.Progress
import java.io.File
import java.io.IOException
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import kotlin.concurrent.thread
import dev.edgecv.Bundle as ModelBundle

/**
 * Measures a bundle; started by a person, or by `edgecv bench --device adb` (docs/bench_devices.md).
 *
 * With the protocol's extras it begins at once and leaves its files for the computer; else a button begins.
 */
class BenchmarkActivity : Activity() {
    private val main = Handler(Looper.getMainLooper())
    private var job: BenchJob? = null
    private var shared: File? = null

    private val message by lazy { text(18f).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE } }
    private val bar by lazy { ProgressBar(this, null, android.R.attr.progressBarStyleHorizontal) }
    private val rows by lazy { text(14f) }
    private val begin by lazy { button(Words.START) { startOrStop() } }
    private val share by lazy { button(Words.SHARE) { shared?.let { startActivity(ResultProvider.share(this, it)) } } }

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        val list = ScrollView(this).apply { addView(rows) }
        show(column(message to 0f, bar to 0f, list to 1f, row(begin, share) to 0f))
        share.isEnabled = false
        bar.visibility = View.INVISIBLE
        if (saved == null) take(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        if (job == null) {
            setIntent(intent)
            take(intent)
        } else {
            BenchRequest.read(IntentExtras(intent)).run?.let { tellFailure(it, Words.BUSY, Words.BUSY_HINT) }
        }
    }

    override fun onDestroy() {
        job?.cancel()
        super.onDestroy()
    }

    private fun take(intent: Intent) {
        val request = BenchRequest.read(IntentExtras(intent))
        when {
            request is BenchRequest.Refused -> refuse(request)
            request.run != null -> start(request as BenchRequest.Accepted)
        }
    }

    private fun startOrStop() {
        val running = job
        if (running != null) return running.cancel()
        when (val request = BenchRequest.read(IntentExtras(intent))) {
            is BenchRequest.Refused -> refuse(request)
            // what a computer asked for has been done: this is a person's own
            is BenchRequest.Accepted -> start(request.copy(run = null, samples = null, answers = false))
        }
    }

    private fun refuse(request: BenchRequest.Refused) {
        message.say(Lines.problem(request.message, request.hint))
        request.run?.let { tellFailure(it, request.message, request.hint) }
    }

    private fun tellFailure(run: String, what: String, hint: String?) = try {
        BenchFiles(folder() ?: throw IOException(), run).fail(what, hint)
    } catch (_: IOException) {
        rows.say(Words.NO_STORAGE)
    }

    /** Where the computer looks; null while the storage is away. */
    private fun folder(): File? = getExternalFilesDir("bench")

    private fun start(request: BenchRequest.Accepted) {
        val folder = folder() ?: return message.say(Words.NO_STORAGE)
        val mine = BenchJob(
            request = request,
            files = request.run?.let { BenchFiles(folder, it) },
            engines = engines(applicationInfo.nativeLibraryDir),
            decoder = DECODER,
            open = ::open,
            machine = { machine() },
            finished = { finished(it) },
        )
        job = mine
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        message.say(Words.MEASURING)
        rows.say("")
        begin.text = Words.STOP
        share.isEnabled = false
        thread(name = "benchmark") {
            val outcome = mine.run { progress -> main.post { shown(progress) } }
            val file = (outcome as? BenchOutcome.Done)?.let { keep(it) }
            main.post { ended(outcome, file) }
        }
    }

    private fun open(bundle: String?): ModelBundle =
        if (bundle != null && bundle.startsWith('/')) ModelBundle.open(File(bundle)) else ModelLoader(this).bundle(bundle)

    /** A copy that can be shared; null where the storage is full. */
    private fun keep(done: BenchOutcome.Done): File? {
        val stamp = SimpleDateFormat("yyyyMMdd-HHmmss", Locale.ROOT).format(Date())
        val name = done.result.name.replace(Regex("[^A-Za-z0-9._-]+"), "-")
        val file = File(ResultProvider.folder(this), "$name-$stamp.json")
        return try {
            writeWhole(file, done.json.toByteArray())
            file
        } catch (_: IOException) {
            null
        }
    }

    private fun shown(progress: Progress) {
        bar.visibility = View.VISIBLE
        bar.isIndeterminate = progress.total == 0
        bar.max = progress.total
        bar.progress = progress.done
        rows.say(progress.doing)
    }

    private fun ended(outcome: BenchOutcome, file: File?) {
        job = null
        if (isDestroyed) return
        window.clearFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        bar.visibility = View.INVISIBLE
        begin.text = Words.START
        shared = file
        share.isEnabled = file != null
        when (outcome) {
            is BenchOutcome.Done -> {
                message.say("${outcome.result.name}: ${outcome.result.machine.model.orEmpty()}")
                rows.say(Lines.result(outcome.result))
            }
            is BenchOutcome.Failed -> {
                message.say(Lines.problem(outcome.message, outcome.hint))
                rows.say("")
            }
        }
    }
}
