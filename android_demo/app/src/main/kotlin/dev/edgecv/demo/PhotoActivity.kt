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
import android.widget.ImageView
import dev.edgecv.EdgecvException
import java.util.concurrent.Executors

/** A photo from the gallery: what the model says of it. */
class PhotoActivity : Activity() {
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor()
    private var model: LoadedModel? = null // the worker's alone

    private val picture by lazy { ImageView(this).apply { contentDescription = Words.PICTURE_CHOSEN } }
    private val message by lazy { text(18f).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE } }
    private val details by lazy { text(14f) }

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        show(column(picture to 1f, message to 0f, details to 0f, button(Words.CHOOSE_PHOTO) { pick() } to 0f))
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
                Said(null, Lines.problem(error.message, error.hint), "")
            } catch (_: OutOfMemoryError) {
                Said(null, Words.NO_MEMORY, "")
            }
            main.post { if (chosen == uri) shown(said) }
        }
    }

    /** On the worker. */
    private fun ask(uri: Uri): Said {
        val asked = model ?: ModelLoader(this).load(intent.getStringExtra(EXTRA_BUNDLE), intent.getStringExtra(EXTRA_CHOICE))
        model = asked
        if (!asked.takesPictures) return Said(null, Words.TAKES_TENSORS, asked.facts)
        val photo = Photo.read(contentResolver, uri)
        val latest = LatestAnswer()
        asked.answer(latest, photo.frame(asked.bundle.manifest.preprocess.values.first().orientation))
        val (answers, times) = checkNotNull(latest.get()).lines()
        return Said(photo.picture(), answers, listOf(times, photo.size, asked.facts, asked.verdict).joinToString("\n"))
    }

    private fun shown(said: Said) {
        picture.setImageBitmap(said.picture)
        message.say(said.words)
        details.say(said.details)
    }

    private class Said(val picture: Bitmap?, val words: String, val details: String)

    private companion object {
        const val CHOSEN = "chosen"
    }
}
