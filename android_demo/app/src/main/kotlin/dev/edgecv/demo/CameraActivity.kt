package dev.edgecv.demo

import android.Manifest
import android.app.Activity
import android.app.AlertDialog
import android.content.Intent
import android.content.pm.PackageManager
import android.content.res.Configuration
import android.hardware.camera2.CameraAccessException
import android.media.Image
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.provider.Settings
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.view.WindowManager
import android.widget.FrameLayout
import android.widget.ScrollView
import dev.edgecv.EdgecvException
import dev.edgecv.YuvFrame
import dev.edgecv.android.set

/** The live camera: what the model says of it, how long that takes, what runs it, and whether this device agrees. */
class CameraActivity : Activity() {
    private val main = Handler(Looper.getMainLooper())
    private val thread = HandlerThread("model").apply { start() } // opens the model and asks it: GPUs want one thread
    private val worker = Handler(thread.looper)
    private val loader by lazy { ModelLoader(this) }
    private val latest = LatestAnswer()
    private val yuv = YuvFrame()
    private var facts = Facts()
    private var model: LoadedModel? = null
    private var camera: CameraSession? = null
    private var chosen: CameraChoice? = null
    private var loads = 0
    private var resumed = false
    private var asking = false
    private var action: () -> Unit = {}

    @Volatile
    private var rotation = 0 // of frames; the worker reads it

    private lateinit var preview: Preview
    private val marks by lazy { MarksView(this) }
    private lateinit var sides: Sides
    private val turns by lazy { DisplayWatch(this) { turned() } }
    private val message by lazy { text(18f).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE } }
    private val mend by lazy { button("") { action() } }
    private val answers by lazy { text(22f) }
    private val times by lazy { text(14f) }
    private val backend by lazy { text(14f) }
    private val verdict by lazy { text(14f) }
    private val draw = object : Runnable {
        override fun run() {
            drawAnswer()
            main.postDelayed(this, DRAW_MS)
        }
    }

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        preview = Preview(this) { openCamera() }
        val middle = FrameLayout(this).apply {
            addView(preview)
            addView(marks)
            val words = column(message to 0f, mend to 0f).apply { setBackgroundColor(backgroundColor()) }
            addView(words, FrameLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT, Gravity.CENTER))
        }
        val buttons = row(
            button(Words.PHOTO) { start(PhotoActivity::class.java) },
            button(Words.MODEL) { chooseModel() },
            button(Words.BENCHMARK) { start(BenchmarkActivity::class.java) },
        )
        val panel = column(answers to 0f, times to 0f, backend to 0f, verdict to 0f, buttons to 0f)
        sides = Sides(this, middle, ScrollView(this).apply { addView(panel) })
        show(sides)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        load()
    }

    override fun onConfigurationChanged(new: Configuration) {
        super.onConfigurationChanged(new)
        sides.arrange(new)
    }

    override fun onResume() {
        super.onResume()
        resumed = true
        turns.start()
        val allowed = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED
        val permission = if (allowed) Permission.GRANTED else facts.permission.takeIf { it != Permission.GRANTED }
        update(facts.copy(permission = permission ?: Permission.UNKNOWN, camera = Camera.Closed))
        main.post(draw)
    }

    override fun onPause() {
        resumed = false
        main.removeCallbacks(draw)
        turns.stop()
        closeCamera()
        super.onPause()
    }

    override fun onDestroy() {
        val last = model
        worker.post { last?.close() }
        thread.quitSafely()
        super.onDestroy()
    }

    private fun load() {
        update(facts.copy(model = Model.Checking))
        closeCamera()
        val old = model
        model = null
        val number = ++loads
        val (name, key) = intent.getStringExtra(EXTRA_BUNDLE) to intent.getStringExtra(EXTRA_CHOICE)
        worker.post {
            old?.close()
            val found = try {
                Result.success(loader.load(name, key))
            } catch (error: EdgecvException) {
                Result.failure(error)
            }
            main.post { loaded(found, number) }
        }
    }

    private fun loaded(found: Result<LoadedModel>, number: Int) {
        if (isDestroyed || number != loads) { // nobody waits for this one any more
            found.getOrNull()?.close()
            return
        }
        val error = found.exceptionOrNull() as EdgecvException?
        model = found.getOrNull()
        latest.clear()
        backend.say(model?.facts.orEmpty())
        verdict.say(model?.verdict.orEmpty())
        val state = if (error != null) Model.Unusable(error.message, error.hint)
        else Model.Ready(takesPictures = checkNotNull(model).takesPictures)
        update(facts.copy(model = state, camera = Camera.Closed))
    }

    /** The one place where the screen changes. */
    private fun update(new: Facts) {
        facts = new
        render(new.screen)
        if (new.model is Model.Ready && new.permission == Permission.UNKNOWN) askPermission()
        openCamera()
    }

    private fun render(screen: Screen) = when (screen) {
        Screen.Checking -> tell(Words.CHECKING)
        is Screen.Unusable -> tell(Lines.problem(screen.message, screen.hint), Words.TRY_AGAIN) { load() }
        Screen.TakesTensors -> tell(Words.TAKES_TENSORS, Words.BENCHMARK) { start(BenchmarkActivity::class.java) }
        is Screen.NotAllowed ->
            if (screen.forGood) tell(Words.NOT_ALLOWED_FOR_GOOD, Words.OPEN_SETTINGS) { openSettings() }
            else tell(Words.NOT_ALLOWED, Words.ALLOW_CAMERA) { askPermission() }
        Screen.NoCamera -> tell(Words.NO_CAMERA, Words.PHOTO) { start(PhotoActivity::class.java) }
        is Screen.CameraLost -> tell(Words.cameraLost(screen.reason), Words.TRY_AGAIN) { update(facts.copy(camera = Camera.Closed)) }
        Screen.Opening -> tell(Words.OPENING)
        Screen.Live -> tell("")
    }

    private fun tell(words: String, button: String = "", then: () -> Unit = {}) {
        message.say(words)
        mend.say(button)
        action = then
        if (words.isNotEmpty()) {
            answers.say("")
            times.say("")
            marks.show(null)
        }
    }

    private fun askPermission() {
        if (asking || (facts.model as? Model.Ready)?.takesPictures != true) return
        asking = true
        requestPermissions(arrayOf(Manifest.permission.CAMERA), 0)
    }

    override fun onRequestPermissionsResult(code: Int, permissions: Array<String>, results: IntArray) {
        asking = false
        val permission = when {
            results.firstOrNull() == PackageManager.PERMISSION_GRANTED -> Permission.GRANTED
            results.isEmpty() || shouldShowRequestPermissionRationale(Manifest.permission.CAMERA) -> Permission.REFUSED
            else -> Permission.REFUSED_FOR_GOOD
        }
        update(facts.copy(permission = permission))
    }

    private fun openCamera() {
        val ready = (facts.model as? Model.Ready)?.takesPictures == true && facts.permission == Permission.GRANTED
        if (!resumed || !ready || camera != null || facts.camera != Camera.Closed) return
        val choice = try {
            chooseCamera(cameras) ?: return update(facts.copy(camera = Camera.Missing))
        } catch (error: CameraAccessException) {
            return update(facts.copy(camera = Camera.Lost(Words.cameraAccess(error.reason))))
        } catch (_: IllegalArgumentException) { // unplugged between two questions
            return update(facts.copy(camera = Camera.Lost(Words.CAMERA_FAILED)))
        }
        val surface = preview.surfaceFor(choice) ?: return // it says when it has one
        chosen = choice
        turned()
        lateinit var session: CameraSession
        session = CameraSession(worker, choice, surface, ::answer) { main.post { if (camera === session) cameraIs(it) } }
        camera = session
        session.open(cameras)
    }

    private fun turned() {
        val choice = chosen ?: return
        rotation = uprightRotation(choice.sensor, displayRotation, choice.front)
        preview.turn(displayRotation)
    }

    /** On the worker, for each frame. */
    private fun answer(image: Image) {
        val asked = model ?: return
        try {
            asked.answer(latest, yuv.set(image, rotation))
        } catch (error: EdgecvException) {
            main.post { failed(error) }
        }
    }

    private fun failed(error: EdgecvException) {
        closeCamera()
        update(facts.copy(model = Model.Unusable(error.message, error.hint)))
    }

    private fun cameraIs(state: Camera) {
        if (state is Camera.Lost) closeCamera()
        update(facts.copy(camera = state))
    }

    private fun closeCamera() {
        camera?.close()
        camera = null
        latest.clear()
    }

    private fun drawAnswer() {
        if (model == null) return
        val shown = latest.get() ?: return
        val (said, stages) = shown.lines()
        answers.say(said)
        times.say(stages)
        marks.show(shown.marks(), mirrored = chosen?.front == true) // as Android shows a front camera's frames
    }

    /** Reads the bundle anew: where the model that was chosen last cannot be had, another one can. */
    private fun chooseModel() {
        val offered = try {
            loader.bundle(intent.getStringExtra(EXTRA_BUNDLE)).use { choices(it, applicationInfo.nativeLibraryDir) }
        } catch (_: EdgecvException) {
            return load() // which says why
        }
        AlertDialog.Builder(this)
            .setTitle(Words.CHOOSE_MODEL)
            .setItems(offered.map { it.title }.toTypedArray()) { _, place ->
                intent.putExtra(EXTRA_CHOICE, offered[place].key)
                load()
            }
            .show()
    }

    private fun start(screen: Class<out Activity>) {
        val next = Intent(this, screen)
        for (name in listOf(EXTRA_BUNDLE, EXTRA_CHOICE)) intent.getStringExtra(name)?.let { next.putExtra(name, it) }
        startActivity(next)
    }

    private fun openSettings() = startActivity(
        Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)),
    )

    private companion object {
        const val DRAW_MS = 100L // boxes that lag more are seen to
    }
}
