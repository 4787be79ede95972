package dev.edgecv.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.widget.FrameLayout
import android.widget.ImageView
import dev.edgecv.EdgecvException
import java.util.concurrent.Executors

/** A photo from the gallery: what the model says of it. */
class PhotoActivity : Activity() {
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor()
    private var model: LoadedModel? = null // the worker's alone

    private val picture by lazy { ImageView(this).apply { contentDescription = Words.PICTURE_CHOSEN } }
    private val marks by lazy { MarksView(this) }
    private val message by lazy { text(18f).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE } }
    private val details by lazy { text(14f) }

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        val drawn = FrameLayout(this).apply {
            addView(picture, FrameLayout.LayoutParams(MATCH_PARENT, MATCH_PARENT))
            addView(marks, FrameLayout.LayoutParams(MATCH_PARENT, MATCH_PARENT))
        }
        show(column(drawn to 1f, message to 0f, details to 0f, button(Words.CHOOSE_PHOTO) { pick() } to 0f))
        if (saved == null) pick()
        saved?.getString(CHOSEN)?.let { answer(Uri.parse(it)) }
    }

    override fun onSaveInstanceState(out: Bundle) {
        super.onSaveInstanceState(out)
        out.putString(CHOSEN, chosen?.toString())
    }

    override fun onDestroy() {
        worker.execute { model?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    private var chosen: Uri? = null

    private fun pick() {
        if (photoPickers().none(::started)) message.say(Words.NO_PICKER)
    }

    @Suppress("DEPRECATION") // its successor is a library's
    private fun started(picker: Intent): Boolean = try {
        startActivityForResult(picker, 0)
        true
    } catch (_: ActivityNotFoundException) {
        false
    }

    @Deprecated("its successor is a library's")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data
        if (result == RESULT_OK && uri != null) answer(uri)
    }

    private fun answer(uri: Uri) {
        chosen = uri
        message.say(Words.READING_PHOTO)
        details.say("")
        worker.execute {
            val said = try {
                ask(uri)
            } catch (error: EdgecvException) {
                Said(Lines.problem(error.message, error.hint))
            } catch (_: OutOfMemoryError) {
                Said(Words.NO_MEMORY)
            }
            main.post { if (chosen == uri) shown(said) }
        }
    }

    /** On the worker. */
    private fun ask(uri: Uri): Said {
        val asked = model ?: ModelLoader(this).load(intent.getStringExtra(EXTRA_BUNDLE), intent.getStringExtra(EXTRA_CHOICE))
        model = asked
        if (!asked.takesPictures) return Said(Words.TAKES_TENSORS, asked.facts)
        val photo = Photo.read(contentResolver, uri)
        val latest = LatestAnswer()
        val rule = asked.bundle.manifest.preprocess.values.first().orientation
        asked.answer(latest, photo.frame(rule))
        val shown = checkNotNull(latest.get())
        val (answers, times) = shown.lines()
        val details = listOf(times, photo.size, asked.facts, asked.verdict).joinToString("\n")
        return Said(answers, details, photo.picture(rule), shown.marks())
    }

    private fun shown(said: Said) {
        picture.setImageBitmap(said.picture)
        marks.show(said.marks)
        message.say(said.words)
        details.say(said.details)
    }

    private class Said(val words: String, val details: String = "", val picture: Bitmap? = null, val marks: Marks? = null)

    private companion object {
        const val CHOSEN = "chosen"
    }
}
