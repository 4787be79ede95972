package dev.edgecv.demo

import dev.edgecv.Box
import dev.edgecv.BoxesAnswer
import dev.edgecv.Heatmaps
import dev.edgecv.HeadSpec
import dev.edgecv.MaskAnswer
import dev.edgecv.PictureAnswer
import dev.edgecv.Point
import dev.edgecv.PointsAnswer
import dev.edgecv.heads.HeadKind
import java.io.File
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** What is drawn of answers, and where. */
class MarksTest {
    private val pets = HeadSpec("pet", HeadKind.DETECTION, listOf("pet"), labels = listOf("cat", "dog"))
    private val face = HeadSpec("face", HeadKind.KEYPOINTS, listOf("face"), decode = Heatmaps(skeleton = listOf(listOf(0, 1), listOf(1, 2))))
    private val land = HeadSpec("land", HeadKind.SEGMENTATION, listOf("land"), labels = listOf("ground", "sea"))
    private val made = HeadSpec("made", HeadKind.IMAGE, listOf("made"))

    @Test
    fun `classes have the colours that they have in Python`() {
        val file = File("../../build/android/colors.json")
        check(file.isFile) { "${file.absolutePath} is not there: make test-android" }
        val python = Regex("\\[(\\d+), (\\d+), (\\d+)]").findAll(file.readText()).map { it.groupValues.drop(1).map(String::toInt) }.toList()
        assertTrue(python.size > 30)
        assertEquals(python, python.indices.map { index -> listOf(16, 8, 0).map { Palette.colorOf(index) shr it and 255 } })
        assertTrue(python.indices.all { Palette.colorOf(it) ushr 24 == 255 })
    }

    @Test
    fun `a box has its label, its share and its class's colour`() {
        val marks = Marks.of(listOf(BoxesAnswer(pets, listOf(Box(1, 0.875f, 1f, 2f, 3f, 4f)))), 8, 6)
        assertEquals(listOf(BoxMark(1f, 2f, 3f, 4f, Palette.colorOf(1), "dog 87.5 %")), marks.boxes)
        assertEquals(listOf(8, 6), listOf(marks.width, marks.height))
    }

    @Test
    fun `points that the model does not believe in are left out, with their lines`() {
        val points = listOf(Point(1f, 2f, 0.9f), Point(3f, 4f, 0.1f), Point(5f, 6f, 0.09f))
        val marks = Marks.of(listOf(PointsAnswer(face, points)), 8, 6)
        assertEquals(listOf(DotMark(1f, 2f, Palette.colorOf(0)), DotMark(3f, 4f, Palette.colorOf(1))), marks.dots)
        assertEquals(listOf(LineMark(1f, 2f, 3f, 4f, Palette.colorOf(0))), marks.lines)
    }

    @Test
    fun `a mask has its classes' colours, and none where the model has not seen the picture`() {
        val mask = Marks.of(listOf(MaskAnswer(land, floatArrayOf(0.5f, 0.5f), 1, 3, byteArrayOf(0, 1, -1))), 3, 1).masks.single()
        assertEquals(listOf(3, 1), listOf(mask.width, mask.height))
        assertEquals(listOf(Palette.colorOf(0), Palette.colorOf(1)).map { it and 0xFFFFFF }, mask.pixels.take(2).map { it and 0xFFFFFF })
        assertEquals(listOf(115, 115, 0), mask.pixels.map { it ushr 24 })
        assertEquals(0, mask.pixels[2])
    }

    @Test
    fun `the class that is nothing is not painted`() {
        val nothing = listOf(land.copy(labels = listOf("Background", "sea")), land.copy(labels = null), land.copy(thresholds = listOf(0.5)))
        nothing.forEach { head ->
            val mask = Marks.of(listOf(MaskAnswer(head, floatArrayOf(0.5f, 0.5f), 1, 2, byteArrayOf(0, 1))), 2, 1).masks.single()
            assertEquals(listOf(0, 115), mask.pixels.map { it ushr 24 })
        }
    }

    @Test
    fun `a picture is shown with its colours, or gray`() {
        val colour = PictureAnswer(made, 1, 2, 3, byteArrayOf(1, 2, -1, 4, 5, 6))
        val gray = PictureAnswer(made, 2, 1, 1, byteArrayOf(-1, 16))
        val (first, second) = Marks.of(listOf(colour, gray), 8, 6).made
        assertContentEquals(intArrayOf(0xFF0102FF.toInt(), 0xFF040506.toInt()), first.pixels)
        assertContentEquals(intArrayOf(-1, 0xFF101010.toInt()), second.pixels)
    }

    @Test
    fun `what is drawn lies where the picture is shown, also where it is mirrored`() {
        val tall = PictureFit(100, 400, 50, 100, mirrored = false) // twice as large, 100 free above and below
        assertEquals(listOf(2f, 0f, 20f, 100f, 100f, 300f), listOf(tall.scale, tall.x(0f), tall.x(10f), tall.x(50f), tall.y(0f), tall.y(100f)))
        val wide = PictureFit(400, 100, 50, 100, mirrored = true) // of its own size, 175 free at both sides
        assertEquals(listOf(225f, 215f, 175f, 0f, 100f), listOf(wide.x(0f), wide.x(10f), wide.x(50f), wide.y(0f), wide.y(100f)))
    }
}
