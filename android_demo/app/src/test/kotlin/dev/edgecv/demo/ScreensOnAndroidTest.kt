package dev.edgecv.demo

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.Canvas
import android.net.Uri
import android.os.Looper
import android.provider.MediaStore
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import java.io.ByteArrayInputStream
import java.io.File
import java.io.FileNotFoundException
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/**
 * The app's own activities on Android 15's framework, as Robolectric runs it on the JVM.
 *
 * The app's own assets and resources are not there, for Android's resource compiler makes them: a bundle that Python made
 * (`make test-android` makes it first) is added as an archive. Models run on ONNX Runtime's JVM build.
 */
@RunWith(RobolectricTestRunner::class)
@Config(manifest = Config.NONE, sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class ScreensOnAndroidTest {
    /** Run what is due until the screen says something; fails after a while, with what it said last. */
    private fun Activity.waitFor(words: String) {
        repeat(600) {
            shadowOf(Looper.getMainLooper()).idle()
            if (words in said()) return
            Thread.sleep(50)
        }
        assertContains(said(), words)
    }

    private fun Activity.said(): String = texts(window.decorView).joinToString("\n")

    private fun texts(view: View): List<String> = when {
        view.visibility != View.VISIBLE -> emptyList()
        view is TextView -> listOf(view.text.toString())
        view is ViewGroup -> (0 until view.childCount).flatMap { texts(view.getChildAt(it)) }
        else -> emptyList()
    }

    @Test
    fun `without any bundle the app says how one comes in`() {
        val activity = Robolectric.buildActivity(CameraActivity::class.java).setup().get()
        activity.waitFor(Lines.problem(Words.NO_BUNDLE, Words.NO_BUNDLE_HINT))
        assertContains(activity.said(), Words.TRY_AGAIN)
    }

    @Test
    fun `the camera's screen survives leaving, coming back and its end`() {
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        controller.pause().stop().start().resume()
        controller.get().waitFor(Words.TRY_AGAIN)
        controller.pause().stop().destroy()
    }

    @Test
    fun `a photo is asked for by the system's picker, and without a bundle that is said`() {
        val activity = Robolectric.buildActivity(PhotoActivity::class.java).setup().get()
        val asked = shadowOf(activity).nextStartedActivityForResult.intent
        assertEquals(MediaStore.ACTION_PICK_IMAGES, asked.action)
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, Intent().setData(Uri.parse("content://photos/1")))
        activity.waitFor(Lines.problem(Words.NO_BUNDLE, Words.NO_BUNDLE_HINT))
    }

    private val camera = Manifest.permission.CAMERA

    private fun <T : Activity> ActivityController<T>.withAssets(): ActivityController<T> {
        check(get().assets.addAssetPath(assets.path) != 0)
        return setup()
    }

    private fun camera(bundle: String = "colours"): CameraActivity =
        Robolectric.buildActivity(CameraActivity::class.java, Intent().putExtra(EXTRA_BUNDLE, bundle)).withAssets().get()

    private fun CameraActivity.permission(given: Int) {
        waitFor(Words.OPENING)
        onRequestPermissionsResult(0, arrayOf(camera), intArrayOf(given))
    }

    @Test
    fun `the golden cases run on the first start and their verdict is shown`() {
        val activity = camera()
        activity.waitFor("This device agrees with the trained model on 2 golden cases")
        assertContains(activity.said(), "2 of 2 pictures preprocessed to the same bits")
        assertContains(activity.said(), "CPUExecutionProvider")
    }

    @Test
    fun `what a newer edgecv wrote into the bundle is left out, and that is said`() {
        val activity = camera("newer")
        activity.waitFor("CPUExecutionProvider")
        assertContains(activity.said(), "Left out: the artifact openvino/model.xml is for the target openvino, which this edgecv does not know.")
    }

    @Test
    fun `a bundle that is not there is told`() = camera("lost").waitFor("There is no bundle lost.edgecv in this app.")

    @Test
    fun `a refused permission is asked for again`() {
        val activity = camera()
        shadowOf(activity.packageManager).setShouldShowRequestPermissionRationale(camera, true)
        activity.permission(PackageManager.PERMISSION_DENIED)
        assertContains(activity.said(), Words.NOT_ALLOWED)
        assertContains(activity.said(), Words.ALLOW_CAMERA)
    }

    @Test
    fun `a permission refused for good leads to the settings`() {
        val activity = camera()
        activity.permission(PackageManager.PERMISSION_DENIED)
        assertContains(activity.said(), Words.NOT_ALLOWED_FOR_GOOD)
        assertContains(activity.said(), Words.OPEN_SETTINGS)
    }

    @Test
    fun `a device without a camera leads to the photo`() {
        val activity = camera()
        activity.permission(PackageManager.PERMISSION_GRANTED)
        activity.waitFor(Words.NO_CAMERA)
    }

    private fun photo(content: ByteArray, bundle: String = "colours"): PhotoActivity {
        val intent = Intent().putExtra(EXTRA_BUNDLE, bundle)
        val activity = Robolectric.buildActivity(PhotoActivity::class.java, intent).withAssets().get()
        val uri = Uri.parse("content://photos/1")
        shadowOf(activity.contentResolver).registerInputStreamSupplier(uri) { ByteArrayInputStream(content) }
        val asked = shadowOf(activity).nextStartedActivityForResult.intent
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, Intent().setData(uri))
        return activity
    }

    @Test
    fun `a photo is answered`() {
        val activity = photo(File(colours, "golden/001.png").readBytes())
        activity.waitFor("blue  ")
        assertContains(activity.said(), "9 x 7")
    }

    @Test
    fun `every head answers a photo, under its title or name and in its unit`() {
        val activity = photo(File(colours, "golden/001.png").readBytes(), bundle = "two_heads")
        activity.waitFor("colour\nblue  100.0 %")
        assertContains(activity.said(), "warmth\n-200 levels")
    }

    private fun marks(view: View): MarksView? = when (view) {
        is MarksView -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { marks(view.getChildAt(it)) }
        else -> null
    }

    @Test
    fun `boxes, masks, points and pictures are drawn over a photo`() {
        val activity = photo(File(made, "places.edgecv/golden/000.png").readBytes(), bundle = "places")
        activity.waitFor("a picture of ")
        val view = checkNotNull(marks(activity.window.decorView))
        view.layout(0, 0, 400, 170) // ten pixels for one of the picture
        val bitmap = Bitmap.createBitmap(400, 170, Bitmap.Config.ARGB_8888)
        view.draw(Canvas(bitmap))
        val pixels = IntArray(400 * 170).also { bitmap.getPixels(it, 0, 400, 0, 0, 400, 170) }
        assertTrue(pixels.count { it == Palette.colorOf(0) } > 100, "boxes or points in the first colour")
        assertTrue(pixels.count { it != 0 } > 400 * 170 / 2, "a mask over most of it")
    }

    @Test
    fun `a photo that is none is told`() =
        photo("text".toByteArray()).waitFor("This is no picture that Android can decode.")

    private fun benchmark(vararg extras: Pair<String, Any>): BenchmarkActivity {
        val intent = Intent()
        for ((name, value) in extras) if (value is Int) intent.putExtra(name, value) else intent.putExtra(name, value.toString())
        return Robolectric.buildActivity(BenchmarkActivity::class.java, intent).setup().get()
    }

    private fun Activity.file(name: String): File = File(getExternalFilesDir("bench"), name)

    @Test
    fun `an unknown protocol is refused on the screen and to the computer`() {
        val activity = benchmark("edgecv.protocol" to 2, "edgecv.run" to "0123456789abcdef")
        assertContains(activity.said(), "The demo app knows the protocol 1, it was started with 2.")
        assertContains(activity.file("0123456789abcdef.error.json").readText(), "it was started with 2")
    }

    @Test
    fun `what the computer names and is not there is told to it`() {
        val bundle = "/data/local/tmp/edgecv-bench/0123456789abcdef.edgecv"
        val activity = benchmark("edgecv.protocol" to 1, "edgecv.run" to "0123456789abcdef", "edgecv.bundle" to bundle)
        activity.waitFor("does not exist")
        assertContains(activity.file("0123456789abcdef.error.json").readText(), "does not exist")
        assertContains(activity.said(), Words.START)
    }

    @Test
    fun `started by a person it waits for the button`() {
        val activity = benchmark(EXTRA_BUNDLE to "colours")
        assertContains(activity.said(), Words.START)
        assertTrue(activity.getExternalFilesDir("bench")?.list().orEmpty().isEmpty())
    }

    @Test
    fun `results are lent to read, and nothing else is`() {
        val provider = Robolectric.buildContentProvider(ResultProvider::class.java).create("dev.edgecv.demo.results").get()
        val context = checkNotNull(provider.context)
        val result = File(ResultProvider.folder(context), "a.json").apply { writeText("{}") }
        File(context.filesDir, "secret").writeText("x")
        val chooser = ResultProvider.share(context, result)
        @Suppress("DEPRECATION") // its successor is newer than minSdk
        val uri = checkNotNull(checkNotNull(chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)).clipData).getItemAt(0).uri
        assertEquals("{}", provider.openFile(uri, "r").use { File("/proc/self/fd/${it.fd}").readText() })
        provider.query(uri, null, null, null, null).use { rows ->
            assertTrue(rows.moveToFirst())
            assertEquals(listOf("a.json", "2"), listOf(rows.getString(0), rows.getString(1)))
        }
        assertFailsWith<FileNotFoundException> { provider.openFile(uri, "rw") }
        assertFailsWith<FileNotFoundException> { provider.openFile(Uri.parse("$uri/../../secret"), "r") }
    }

    private companion object {
        val made = File("../../build/android")
        val colours = File(made, "colours.edgecv")

        /** What `edgecv export android` would have put into the app. */
        val assets: File = File.createTempFile("assets", ".apk").apply {
            deleteOnExit()
            check(colours.isDirectory) { "${colours.absolutePath} is not there: make test-android" }
            ZipOutputStream(outputStream()).use { zip ->
                for ((name, bytes) in filesOf("colours") + filesOf("two_heads") + filesOf("places")) zip.add(name, bytes)
                for ((name, bytes) in filesOf("colours")) {
                    zip.add(name.replace("colours", "newer"), if (name.endsWith("/bundle.json")) newer(String(bytes)) else bytes)
                }
            }
        }

        private fun filesOf(bundle: String): Map<String, ByteArray> = File(made, "$bundle.edgecv").walk().filter { it.isFile }
            .associate { it.relativeTo(made).invariantSeparatorsPath to it.readBytes() }

        private fun newer(manifest: String): ByteArray {
            val first = "\"artifacts\": ["
            check(first in manifest)
            val new = """{"target": "openvino", "file": "openvino/model.xml", "sha256": "${"0".repeat(64)}", "bytes": 7, "streams": 4}"""
            return manifest.replace(first, "$first$new, ").toByteArray()
        }

        private fun ZipOutputStream.add(name: String, bytes: ByteArray) {
            putNextEntry(ZipEntry("assets/$name"))
            write(bytes)
        }
    }
}
