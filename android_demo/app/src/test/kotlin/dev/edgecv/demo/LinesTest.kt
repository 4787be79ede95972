package dev.edgecv.demo

import dev.edgecv.Answer
import dev.edgecv.BackendInfo
import dev.edgecv.Box
import dev.edgecv.BoxesAnswer
import dev.edgecv.Comparison
import dev.edgecv.HeadComparison
import dev.edgecv.HeadSpec
import dev.edgecv.MaskAnswer
import dev.edgecv.PartComparison
import dev.edgecv.PictureAnswer
import dev.edgecv.Point
import dev.edgecv.PointsAnswer
import dev.edgecv.Verdict
import dev.edgecv.heads.HeadKind
import kotlin.test.Test
import kotlin.test.assertEquals

class LinesTest {
    private val verdict = Verdict(
        passed = true,
        backend = BackendInfo("onnxruntime", "1.23.2", listOf("CPUExecutionProvider"), 1),
        artifact = "onnx/model.int8.onnx",
        pictures = 8,
        picturesEqual = 8,
        answersEqual = 8,
        comparison = Comparison(8, 0.01, 0.001, 0.999, 25.94, 1.0),
        gates = emptyList(),
        reasons = emptyList(),
    )

    private val pets = HeadSpec("pet", HeadKind.CLASSIFICATION, listOf("pet"), labels = listOf("cat", "dog"))
    private val age = HeadSpec("age", HeadKind.REGRESSION, listOf("age"), unit = "years")
    private val gender = HeadSpec("gender", HeadKind.BINARY, listOf("gender"), labels = listOf("female", "male"), thresholds = listOf(0.7))

    @Test
    fun `the best classes have their shares`() {
        assertEquals(listOf("cat  97.2 %", "dog  2.8 %"), Lines.answer(Answer(pets, 0, floatArrayOf(0.9716f, 0.0284f))))
        val many = HeadSpec("n", HeadKind.CLASSIFICATION, listOf("n"))
        assertEquals(listOf("3  40.0 %", "0  30.0 %", "1  20.0 %"), Lines.answer(Answer(many, 3, floatArrayOf(0.3f, 0.2f, 0.1f, 0.4f))))
    }

    @Test
    fun `of yes and no the winner is shown, though its score be the lower one`() {
        assertEquals(listOf("female  40.0 %"), Lines.answer(Answer(gender, 0, floatArrayOf(0.4f, 0.6f))))
    }

    @Test
    fun `the labels that hold are shown, or that none does`() {
        val signs = HeadSpec("sign", HeadKind.MULTILABEL, listOf("sign"), listOf("hat", "beard", "glasses"), thresholds = listOf(0.5))
        val scores = floatArrayOf(0.6f, 0.2f, 0.9f)
        assertEquals(listOf("glasses  90.0 %", "hat  60.0 %"), Lines.answer(Answer(signs, null, scores, booleanArrayOf(true, false, true))))
        assertEquals(listOf(Words.NO_LABEL_HOLDS), Lines.answer(Answer(signs, null, scores)))
    }

    @Test
    fun `values have their names and their unit`() {
        assertEquals(listOf("31.25 years"), Lines.answer(Answer(age, null, floatArrayOf(31.25f))))
        val place = HeadSpec("place", HeadKind.REGRESSION, listOf("place"), labels = listOf("x", "y"))
        val said = listOf(123456f, 1.23456e-5f, Float.NaN).flatMap { Lines.answer(Answer(age, null, floatArrayOf(it))) }
        assertEquals(listOf("123500 years", "0.00001235 years", "NaN years"), said)
        val many = Lines.answer(Answer(age, null, FloatArray(9)))
        assertEquals(listOf("7  0 years", "... (9 values)"), many.drop(7))
        assertEquals(listOf("x  -1.25", "y  2"), Lines.answer(Answer(place, null, floatArrayOf(-1.25f, 2f))))
    }

    @Test
    fun `boxes have their shares, points their places, and a picture its size`() {
        val found = HeadSpec("pet", HeadKind.DETECTION, listOf("pet"), labels = listOf("cat", "dog"))
        val boxes = List(4) { Box(it % 2, 0.9f - 0.1f * it, 0f, 0f, 4f, 4f) }
        assertEquals(listOf("cat  90.0 %", "dog  80.0 %", "cat  70.0 %"), Lines.answer(BoxesAnswer(found, boxes)))
        assertEquals(listOf(Words.NO_LABEL_HOLDS), Lines.answer(BoxesAnswer(found, emptyList())))
        val nose = HeadSpec("face", HeadKind.KEYPOINTS, listOf("face"), labels = listOf("nose"))
        assertEquals(listOf("nose  12.5, -3.0"), Lines.answer(PointsAnswer(nose, listOf(Point(12.5f, -3.04f, 1f)))))
        assertEquals(listOf("7  0.0, 0.0", "... (9 values)"), Lines.answer(PointsAnswer(nose, List(9) { Point(0f, 0f, 1f) })).drop(7))
        val land = HeadSpec("land", HeadKind.SEGMENTATION, listOf("land"), labels = listOf("sky", "sea", "car"))
        assertEquals(listOf("sea  75.0 %", "sky  25.0 %"), Lines.answer(MaskAnswer(land, floatArrayOf(0.25f, 0.75f, 0f), 2, 2, ByteArray(4))))
        val made = HeadSpec("made", HeadKind.IMAGE, listOf("made"))
        assertEquals(listOf("a picture of 4 x 3"), Lines.answer(PictureAnswer(made, 3, 4, 1, ByteArray(12))))
        assertEquals(listOf("1.5", "100.0 %"), listOf(Lines.share(1.5f), Lines.share(1f)))
    }

    @Test
    fun `several heads are told apart by title or name`() {
        val answers = listOf(Answer(age, null, floatArrayOf(31.25f)), Answer(gender.copy(title = "Sex"), 1, floatArrayOf(0.1f, 0.9f)))
        assertEquals("age\n31.25 years\nSex\nmale  90.0 %", Lines.answers(answers))
        assertEquals("31.25 years", Lines.answers(answers.take(1)))
        assertEquals("Sex\nmale  90.0 %", Lines.answers(answers.drop(1)))
    }

    @Test
    fun `a bundle's facts say what was left out of it`() {
        assertEquals("a on b", Lines.facts("a on b", emptyList()))
        assertEquals("a on b\nLeft out: the head \"x\" is new.", Lines.facts("a on b", listOf("the head \"x\" is new")))
    }

    @Test
    fun `the three stages are told apart`() {
        assertEquals("preprocess 1.20 ms, model 3.41 ms, postprocess 0.01 ms", Lines.times(1_200_000, 3_410_000, 10_000))
    }

    @Test
    fun `a verdict has its numbers`() {
        assertEquals(
            "This device agrees with the trained model on 8 golden cases: SNR 25.9 dB, answers equal in 100.0 %, " +
                "8 of 8 pictures preprocessed to the same bits",
            Lines.verdict(verdict),
        )
    }

    @Test
    fun `a failed verdict says why`() {
        val failed = verdict.copy(passed = false, pictures = 0, reasons = listOf("agreement is 0.5 on golden, the gate is 0.9"))
        assertEquals(
            "This device does NOT agree with the trained model on 8 golden cases: SNR 25.9 dB, answers equal in 100.0 %\n" +
                "agreement is 0.5 on golden, the gate is 0.9",
            Lines.verdict(failed),
        )
    }

    @Test
    fun `of several heads and parts the worst is shown and named`() {
        val parts = listOf(PartComparison("pet", 31.04), PartComparison("box[0:4]", null), PartComparison("box[4:7]", 12.34))
        val heads = listOf(HeadComparison("pet", 0.875), HeadComparison("gender", 1.0))
        val several = verdict.copy(comparison = verdict.comparison.copy(heads = heads, parts = parts), pictures = 0)
        val begins = "This device agrees with the trained model on 8 golden cases:"
        assertEquals("$begins SNR 12.3 dB (box[4:7]), answers equal in 87.5 % (pet)", Lines.verdict(several))
        val alone = several.copy(comparison = several.comparison.copy(heads = heads.take(1), parts = parts.take(1)))
        assertEquals("$begins SNR 31.0 dB, answers equal in 87.5 %", Lines.verdict(alone))
        val broken = alone.copy(comparison = alone.comparison.copy(nonFinite = 1))
        assertEquals("$begins SNR not measured, answers equal in 87.5 %", Lines.verdict(broken))
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
    fun `answers and times are shown apart`() {
        val shown = Shown(listOf(Answer(pets, 1, floatArrayOf(0.25f, 0.75f))), longArrayOf(0, 0, 0), 1)
        val (answers, times) = shown.lines()
        assertEquals("dog  75.0 %\ncat  25.0 %", answers)
        assertEquals("preprocess 0.00 ms, model 0.00 ms, postprocess 0.00 ms", times)
    }
}
