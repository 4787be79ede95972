package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.EngineException
import dev.edgecv.HeadSpec
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Every kind of head makes scores, decisions and an answer of an output's real values. */
class HeadsTest {
    private val colours = listOf("red", "green", "blue")

    private fun head(
        kind: HeadKind,
        activation: Activation = Activation.NONE,
        thresholds: List<Double> = emptyList(),
        labels: List<String>? = null,
        width: Int = 3,
    ): ScoreHead = Head.open(
        HeadForm(HeadSpec("a", kind, listOf("a"), labels, activation, thresholds), listOf(listOf(1, width)), listOf("float32"), null),
        listOf("a"),
    ) as ScoreHead

    private fun Head.answered(vararg output: Float): Answer = answer().also { read(listOf(output), it, null) }.answer()

    private fun ScoreHead.decided(vararg output: Float): IntArray = checkNotNull(decisions(listOf(output)))

    @Test
    fun `of classes the highest wins, of equal ones the first`() {
        val answer = head(HeadKind.CLASSIFICATION, labels = colours).answered(0.2f, 0.4f, 0.4f)
        assertEquals(Triple("green", 1, 0.4f), Triple(answer.label, answer.index, answer.score))
        assertEquals(listOf("green", "blue", "red"), answer.top(3).map { it.label })
        assertEquals(listOf("green", "blue"), answer.shown(2).map { it.label })
        assertEquals(emptyList(), answer.labels)
    }

    @Test
    fun `logits become shares, however large they are`() {
        val answer = head(HeadKind.CLASSIFICATION, Activation.SOFTMAX).answered(1000f, 0f, -1000f)
        assertContentEquals(floatArrayOf(1f, 0f, 0f), answer.scores)
        assertEquals("0", answer.label)
    }

    @Test
    fun `yes wins from the threshold on`() {
        val head = head(HeadKind.BINARY, thresholds = listOf(0.75), labels = listOf("female", "male"), width = 1)
        val (no, yes) = listOf(head.answered(0.625f), head.answered(0.75f))
        assertEquals("female" to 0.375f, no.label to no.score)
        assertEquals("male" to 0.75f, yes.label to yes.score)
        assertContentEquals(floatArrayOf(0.375f, 0.625f), no.scores)
        assertEquals(listOf("female"), no.shown(3).map { it.label })
        assertEquals(listOf(0, 0, 1), listOf(0.1f, 0.7f, 0.8f).map { head.decided(it).single() })
    }

    @Test
    fun `a binary logit is made a share first, each time anew`() {
        val head = head(HeadKind.BINARY, Activation.SIGMOID, listOf(0.5), width = 1)
        val live = head.answer()
        for ((logit, index) in listOf(0f to 1, -80f to 0, 80f to 1, -0.5f to 0)) {
            head.read(listOf(floatArrayOf(logit)), live, null)
            assertEquals(index, live.index, "$logit")
        }
        assertEquals(1f, live.scores[0] + live.scores[1])
    }

    @Test
    fun `each label has its own threshold, or one is for all`() {
        val own = head(HeadKind.MULTILABEL, thresholds = listOf(0.9, 0.1, 0.5), labels = colours).answered(0.8f, 0.2f, 0.5f)
        assertEquals(listOf("blue", "green"), own.labels)
        val each = head(HeadKind.MULTILABEL, thresholds = listOf(0.9, 0.1, 0.5)).decided(0.8f, 0.2f, 0.5f)
        assertContentEquals(intArrayOf(0, 1, 1), each)
        assertEquals(listOf("blue", "green"), own.shown(1).map { it.label }) // none that holds is hidden
        assertEquals(null, own.label)
        assertEquals(listOf("red"), head(HeadKind.MULTILABEL, thresholds = listOf(0.7), labels = colours).answered(0.8f, 0.2f, 0.5f).labels)
        assertEquals(emptyList(), head(HeadKind.MULTILABEL, thresholds = listOf(0.95)).answered(0.8f, 0.2f, 0.5f).shown(3))
    }

    @Test
    fun `an answer that was read before does not shine through`() {
        val head = head(HeadKind.MULTILABEL, thresholds = listOf(0.5), labels = colours)
        val live = head.answer()
        head.read(listOf(floatArrayOf(1f, 1f, 1f)), live, null)
        head.read(listOf(floatArrayOf(0f, 1f, 0f)), live, null)
        assertEquals(listOf("green"), live.answer().labels)
    }

    @Test
    fun `values mean themselves, and decide nothing`() {
        val head = head(HeadKind.REGRESSION, labels = listOf("x", "y"), width = 2)
        val answer = head.answered(-1.5f, 2f)
        assertContentEquals(floatArrayOf(-1.5f, 2f), answer.scores)
        assertEquals(listOf("x" to -1.5f, "y" to 2f), answer.shown(3).map { it.label to it.score })
        assertEquals(null, answer.index)
        assertFalse(head.decides)
    }

    @Test
    fun `a model that gives NaN decides nothing, and a value may be NaN`() {
        for (kind in listOf(HeadKind.CLASSIFICATION, HeadKind.BINARY, HeadKind.MULTILABEL)) {
            val thresholds = if (kind.type.decidesByThreshold) listOf(0.5) else emptyList()
            assertFailsWith<EngineException> { head(kind, thresholds = thresholds, width = 1).answered(Float.NaN) }
        }
        assertTrue(head(HeadKind.REGRESSION, width = 1).answered(Float.NaN).scores[0].isNaN())
    }
}
