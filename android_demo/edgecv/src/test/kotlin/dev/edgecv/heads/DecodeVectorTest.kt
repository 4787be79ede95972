package dev.edgecv.heads

import dev.edgecv.LiveBoxes
import dev.edgecv.LiveMask
import dev.edgecv.LivePicture
import dev.edgecv.LivePoints
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Every golden vector of decoding, in every bit; and what is read again and again is what is read once. */
class DecodeVectorTest {
    private val cases = DecodeVectors.index().cases

    @Test
    fun `all vectors are there, of every form`() {
        assertTrue(cases.size >= 200, "${cases.size} vectors")
        assertEquals(cases.size, cases.map { it.name }.toSet().size)
        val kinds = setOf(HeadKind.DETECTION, HeadKind.SEGMENTATION, HeadKind.KEYPOINTS, HeadKind.IMAGE, HeadKind.EMBEDDING)
        assertEquals(kinds, cases.map { it.head.kind }.toSet())
        assertEquals(9, cases.mapNotNull { it.head.decode?.let { decoder -> decoder::class } }.toSet().size)
    }

    @TestFactory
    fun `every vector gives its bits`(): List<DynamicTest> = cases.map { case ->
        DynamicTest.dynamicTest(case.name) {
            val made = case.open().recorded(case.values(), case.view)
            assertTrue(made.equalsExactly(case.wanted()), "$made is not ${case.wanted()}")
        }
    }

    @TestFactory
    fun `a live answer has the numbers of every vector, the second time as well`(): List<DynamicTest> = cases.map { case ->
        DynamicTest.dynamicTest(case.name) {
            val head = case.open()
            val live = head.answer()
            val outputs = case.values()
            case.read(head, outputs.map { FloatArray(it.size) { place -> (place * 7919 % 23 - 11) / 8f } }, live)
            case.read(head, outputs, live)
            val wanted = case.wanted()
            when (live) {
                is LiveBoxes -> {
                    val rows = FloatArray(5 * live.count) { if (it % 5 == 4) live.scores[it / 5] else live.boxes[it / 5 * 4 + it % 5] }
                    val made = Recorded.of(live.indices.take(live.count), listOf(1, live.count, 5), rows)
                    assertTrue(made.equalsExactly(wanted), "$made is not $wanted")
                    assertEquals(live.count, live.answer().boxes.size)
                    assertEquals(wanted.decisions?.firstOrNull(), live.answer().index)
                }
                is LiveMask -> {
                    assertTrue(Recorded.of(null, listOf(1, live.height, live.width), live.mask).equalsExactly(wanted))
                    val seen = live.mask.filter { it.toInt() != -1 }
                    val shares = live.scores.indices.map { label -> seen.count { it.toInt() == label }.toFloat() / maxOf(1, seen.size) }
                    assertContentEquals(shares, live.scores.toList())
                }
                is LivePoints -> {
                    val rows = FloatArray(3 * live.scores.size) { if (it % 3 == 2) live.scores[it / 3] else live.points[it / 3 * 2 + it % 3] }
                    assertTrue(Recorded.of(null, listOf(1, live.scores.size, 3), rows).equalsExactly(wanted))
                }
                is LivePicture ->
                    assertTrue(Recorded.of(null, listOf(1, live.height, live.width, live.channels), live.pixels).equalsExactly(wanted))
                else -> assertTrue(Recorded.of(null, listOf(1, live.scores.size), live.scores).equalsExactly(wanted))
            }
        }
    }
}
