package dev.edgecv.demo

import dev.edgecv.BackendInfo
import dev.edgecv.Comparison
import dev.edgecv.Verdict
import kotlin.test.Test
import kotlin.test.assertEquals

class LinesTest {
    private val verdict = Verdict(
        passed = true,
        backend = BackendInfo("onnxruntime", "1.23.2", listOf("CPUExecutionProvider"), 1),
        artifact = "onnx/model.int8.onnx",
        pictures = 8,
        picturesEqual = 8,
        comparison = Comparison(8, 0.01, 0.001, 0.999, 25.94, 1.0),
        gates = emptyList(),
        reasons = emptyList(),
    )

    @Test
    fun `scores are shares, or what a regression says`() {
        assertEquals("cat  97.2 %", Lines.answer("cat", 0.9716f, share = true))
        assertEquals("angle  -1.2500", Lines.answer("angle", -1.25f, share = false))
    }

    @Test
    fun `the three stages are told apart`() {
        assertEquals("preprocess 1.20 ms, model 3.41 ms, postprocess 0.01 ms", Lines.times(1_200_000, 3_410_000, 10_000))
    }

    @Test
    fun `a verdict has its numbers`() {
        assertEquals(
            "This device agrees with the trained model on 8 golden cases: SNR 25.9 dB, top-1 equal in 100.0 %, " +
                "8 of 8 pictures preprocessed to the same bits",
            Lines.verdict(verdict),
        )
    }

    @Test
    fun `a failed verdict says why`() {
        val failed = verdict.copy(passed = false, pictures = 0, reasons = listOf("agreement is 0.5, the gate is 0.9"))
        assertEquals(
            "This device does NOT agree with the trained model on 8 golden cases: SNR 25.9 dB, top-1 equal in 100.0 %\n" +
                "agreement is 0.5, the gate is 0.9",
            Lines.verdict(failed),
        )
    }

    @Test
    fun `equal outputs have no noise`() {
        val equal = verdict.copy(comparison = verdict.comparison.copy(snrDb = null, agreement = null), pictures = 0)
        assertEquals("This device agrees with the trained model on 8 golden cases: equal to the bit", Lines.verdict(equal))
    }

    @Test
    fun `a problem is a sentence, and its hint another`() {
        assertEquals("There is no bundle.\nPut one in.", Lines.problem("there is no bundle", "Put one in"))
        assertEquals("There is no bundle.", Lines.problem("there is no bundle", null))
    }

    @Test
    fun `places that there are not are not shown`() {
        val shown = Shown(intArrayOf(1, 0, -1), floatArrayOf(0.75f, 0.25f, 0f), longArrayOf(0, 0, 0), 1)
        val (classes, times) = shown.lines({ "class$it" }, shares = true)
        assertEquals("class1  75.0 %\nclass0  25.0 %", classes)
        assertEquals("preprocess 0.00 ms, model 0.00 ms, postprocess 0.00 ms", times)
    }
}
