package dev.edgecv

import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.Assumptions.assumeTrue
import java.io.ByteArrayInputStream
import java.io.File
import javax.imageio.ImageIO

/** The answer of one head in Python; `places` are the sides of boxes, x and y of points, or the pixels of a mask or picture. */
@Serializable
internal data class PythonAnswer(
    val head: String,
    val kind: String,
    val label: String?,
    val index: Int?,
    val labels: List<String>,
    val scores: List<Double>,
    val places: List<Double> = emptyList(),
)

/** The answers of all heads in Python to one golden case, and the outputs. */
@Serializable
internal data class PythonCase(val id: String, val answers: List<PythonAnswer>, val outputs: Map<String, List<Double>>)

/** Python's answers to all golden cases by one artifact, and its judgement of it on them. */
@Serializable
internal data class PythonAnswers(val bundle: String, val artifact: String, val cases: List<PythonCase>, val proof: Parity)

/** Bundles that `python -m tests.android.bundles` made with `edgecv convert`. */
internal object Bundles {
    val folder = File(REPOSITORY, "build/android")

    /** Without them nothing is tested, which is a failure: `make test-android` makes them first. */
    fun answers(): List<PythonAnswers> {
        val file = File(folder, "answers.json")
        check(file.isFile) { "$file is not there: run `python -m tests.android.bundles`, or `make test-android`" }
        return Json.decodeFromString<List<PythonAnswers>>(file.readText())
    }

    /** Skips the test where this one could not be made, as ResNet8 without its weights. */
    fun path(name: String): File {
        answers()
        return File(folder, name).also { assumeTrue(it.isDirectory, "$it was not made") }
    }

    /** A copy in that folder, to be changed. */
    fun copy(name: String, into: File): File {
        val folder = File(into, name).apply { deleteRecursively() }
        path(name).copyRecursively(folder)
        return folder
    }

    fun open(name: String): Bundle = Bundle.open(path(name))

    /** ImageIO in the place of Android's BitmapFactory. */
    val decoder = PictureDecoder { encoded ->
        val image = ImageIO.read(ByteArrayInputStream(encoded)) ?: throw InputException("no picture")
        if (image.raster.numBands == 1) {
            val gray = image.raster.getPixels(0, 0, image.width, image.height, null as IntArray?)
            RgbFrame().set(ByteArray(gray.size) { gray[it].toByte() }, image.width, image.height, channels = 1)
        } else {
            ArgbFrame().set(image.getRGB(0, 0, image.width, image.height, null, 0, image.width), image.width, image.height)
        }
    }
}
