package dev.edgecv.demo

import kotlin.math.cos
import kotlin.math.roundToInt
import kotlin.math.sin
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull

class RotationTest {
    @Test
    fun `a phone's back camera is turned by what is left of its 90 degrees`() {
        assertEquals(listOf(90, 0, 270, 180), listOf(0, 90, 180, 270).map { uprightRotation(90, it, front = false) })
    }

    @Test
    fun `a front camera turns the other way`() {
        assertEquals(listOf(270, 0, 90, 180), listOf(0, 90, 180, 270).map { uprightRotation(270, it, front = true) })
    }

    @Test
    fun `a tablet's camera may sit upright`() {
        assertEquals(listOf(0, 270), listOf(0, 90).map { uprightRotation(0, it, front = false) })
    }

    /** Where a point of the view (from its middle) ends up. */
    private fun PreviewFit.move(x: Double, y: Double): Pair<Int, Int> {
        val angle = Math.toRadians(degrees.toDouble())
        val (wide, high) = x * scaleX to y * scaleY
        return Pair(
            ((wide * cos(angle) - high * sin(angle)) * zoom).roundToInt(),
            ((wide * sin(angle) + high * cos(angle)) * zoom).roundToInt(),
        )
    }

    @Test
    fun `upright, the frame fills the view's width and keeps its shape`() {
        val fit = fitPreview(1080, 2000, Size(640, 480), sensor = 90, display = 0)
        assertEquals(540 to 720, fit.move(540.0, 1000.0))
        assertEquals(0f, fit.degrees)
    }

    @Test
    fun `on its side, the frame is turned back and fills the height`() {
        val fit = fitPreview(2000, 960, Size(640, 480), sensor = 90, display = 90)
        assertEquals(640 to -480, fit.move(1000.0, 480.0)) // the content's lower right corner, now at the upper right
        assertEquals(-640 to -480, fit.move(1000.0, -480.0))
    }

    @Test
    fun `upside down is half a turn`() {
        val fit = fitPreview(480, 640, Size(640, 480), sensor = 90, display = 180)
        assertEquals(-240 to -320, fit.move(240.0, 320.0))
    }

    @Test
    fun `a camera that sits upright keeps width and height`() {
        val fit = fitPreview(1280, 800, Size(640, 480), sensor = 0, display = 0)
        assertEquals(533 to 400, fit.move(640.0, 400.0))
    }

    @Test
    fun `the least frame that is large enough is taken`() {
        val offered = listOf(Size(1920, 1080), Size(320, 240), Size(800, 600), Size(640, 480), Size(4000, 3000))
        assertEquals(Size(640, 480), chooseFrame(offered))
        assertEquals(Size(800, 600), chooseFrame(offered - Size(640, 480)))
        assertEquals(Size(320, 240), chooseFrame(listOf(Size(176, 144), Size(320, 240))))
        assertNull(chooseFrame(emptyList()))
    }

    @Test
    fun `a photo is reduced by powers of two until it fits`() {
        assertEquals(1, reductionFor(4000, 3000, 13_000_000))
        assertEquals(2, reductionFor(8000, 6000, 13_000_000))
        assertEquals(4, reductionFor(16000, 12000, 13_000_000))
        assertEquals(1, reductionFor(1, 1, 1))
    }
}
