package dev.edgecv

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Bundles of `edgecv convert` on ONNX Runtime give what they give in Python. */
class PredictorTest {
    @TestFactory
    fun `every bundle answers as in Python`(): List<DynamicTest> = Bundles.answers().map { python ->
        DynamicTest.dynamicTest("${python.bundle} ${python.artifact}") { compare(python, OnnxEngine) }
    }

    @Test
    fun `digits are there, float and int8`() {
        val made = Bundles.answers().map { "${it.bundle}/${it.artifact}" }
        for (wanted in listOf("digits.edgecv/onnx/model.float32", "digits.edgecv/onnx/model.int8", "digits_int8.edgecv/onnx/model.int8")) {
            assertTrue("$wanted.onnx" in made, "$made")
        }
        assertTrue(Bundles.answers().all { it.cases.isNotEmpty() })
    }

    @Test
    fun `gray pictures without channels are there, float and int8`() {
        Bundles.open("digits_plane.edgecv").use { bundle ->
            assertEquals(listOf(1, 16, 16), bundle.manifest.inputs.single().shape)
            assertEquals(2, bundle.manifest.artifacts.size)
            assertEquals(Depth.CLIP, bundle.manifest.preprocess.values.single().depth)
        }
    }

    @Test
    fun `every kind of head, two heads, two inputs, and a batch are among them`() {
        val made = Bundles.answers().map { it.bundle.removeSuffix(".edgecv") }
        val wanted = listOf("logits", "binary", "multilabel", "regression", "two_heads", "people", "two_by_two", "batch")
        assertTrue(made.containsAll(wanted), "$made")
        Bundles.open("two_by_two.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                assertEquals("the model has 2 inputs", assertFailsWith<InputException> { predictor.predict(FloatArray(4)) }.message)
            }
        }
    }

    @Test
    fun `both heads answer what the golden cases recorded`() {
        Bundles.open("two_heads.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                for (case in bundle.golden().cases) {
                    val (colour, warmth) = predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(case)!!)).answers
                    assertEquals(case.id, colour.label)
                    assertEquals("warmth" to "levels", warmth.head.title to warmth.head.unit)
                    val recorded = bundle.goldenTensor(case.outputs.getValue("warm"))
                    near(recorded.map { it.toDouble() }, warmth.scores, FLOAT_TOLERANCE, case.id)
                }
            }
        }
    }

    @Test
    fun `a trained model says age and gender of the golden pictures, float and int8`() {
        val tolerances = mapOf("float32" to 1e-5f, "int8" to 0.1f) // of the age
        Bundles.open("people.edgecv").use { bundle ->
            for ((precision, tolerance) in tolerances) {
                Predictor.open(bundle, bundle.artifact(Format.ONNX, precision), OnnxEngine).use { predictor ->
                    for (case in bundle.golden().cases) {
                        val prediction = predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(case)!!))
                        val (age, gender) = prediction.answers
                        val recorded = listOf("age", "gender").map { bundle.goldenTensor(case.outputs.getValue(it))[0] }
                        assertEquals(recorded[0], age.scores[0], tolerance * recorded[0], case.id)
                        assertEquals(if (recorded[1] >= 0.5f) "male" else "female", gender.label, case.id)
                        assertEquals(age.scores[0], prediction.scores[0])
                    }
                }
            }
        }
    }

    @Test
    fun `every kind of answer that lies in a picture is there, and lies where the picture is upright`() {
        Bundles.open("places.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                for (case in bundle.golden().cases) {
                    val upright = Bundles.decoder.decode(bundle.goldenPicture(case)!!) as ArgbFrame
                    val wanted = predictor.predict(upright)
                    val made = predictor.predict(quarterTurned(upright))
                    assertEquals(5, made.answers.size)
                    assertEquals(upright.height to upright.width, made.view!!.height to made.view!!.width)
                    for ((first, second) in wanted.answers.zip(made.answers)) {
                        assertContentEquals(placesOf(first), placesOf(second), first.head.name)
                        assertContentEquals(first.scores, second.scores)
                    }
                    val (boxes, mask, points, picture) = wanted.answers
                    assertTrue((boxes as BoxesAnswer).boxes.isNotEmpty())
                    assertTrue(boxes.boxes.all { it.left >= 0 && it.right <= upright.width && it.top >= 0 && it.bottom <= upright.height })
                    assertEquals(boxes.boxes[0].score to boxes.head.label(boxes.boxes[0].index), wanted.score to wanted.label)
                    assertEquals(boxes.boxes.take(2).map { it.index }, wanted.top(2).map { it.index })
                    assertEquals(upright.height to upright.width, (mask as MaskAnswer).height to mask.width)
                    assertEquals(listOf(listOf(0, 1), listOf(1, 2)), (points as PointsAnswer).skeleton)
                    assertTrue((picture as PictureAnswer).width <= 16 && picture.height <= 12)
                }
            }
        }
    }

    /** The same picture stored as a camera that lies on its side stores it: it must be turned clockwise by 90 degrees. */
    private fun quarterTurned(upright: ArgbFrame): ArgbFrame {
        val (width, height) = upright.height to upright.width
        val pixels = IntArray(width * height) { upright.pixels[it % width * upright.width + (upright.width - 1 - it / width)] }
        return ArgbFrame().set(pixels, width, height, Orientation.ofRotation(90))
    }

    @Test
    fun `without a picture places are those in the input`() {
        Bundles.open("places.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                val case = bundle.golden().cases.first { it.id == "same" } // whose picture has the input's size
                val tensors = case.inputs.mapValues { (_, tensor) -> bundle.goldenTensor(tensor) }
                val made = predictor.predictPrepared(tensors)
                assertEquals(null, made.view)
                val wanted = predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(case)!!))
                for ((first, second) in wanted.answers.zip(made.answers)) assertContentEquals(placesOf(first), placesOf(second))
            }
        }
    }

    @Test
    fun `prepared tensors give the answer of their picture`() {
        Bundles.open("digits.edgecv").use { bundle ->
            Predictor.open(bundle, bundle.artifact(Format.ONNX, "float32"), OnnxEngine).use { predictor ->
                for (case in bundle.golden().cases) {
                    val tensors = case.inputs.mapValues { (_, tensor) -> bundle.goldenTensor(tensor) }
                    val picture = predictor.predict(Bundles.decoder.decode(bundle.goldenPicture(case)!!))
                    assertContentEquals(picture.scores, predictor.predictPrepared(tensors).scores)
                }
            }
        }
    }

    @Test
    fun `the best artifact is the int8 one, and the answer says what ran`() {
        Bundles.open("digits.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                assertEquals("int8", predictor.artifact.precision)
                assertTrue(predictor.describe().startsWith("onnx/model.int8.onnx on onnxruntime "), predictor.describe())
                assertTrue(predictor.describe().endsWith("(CPUExecutionProvider), 1 thread"), predictor.describe())
            }
        }
    }

    @Test
    fun `top, best and label agree`() {
        Bundles.open("digits.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                val answer = predictor.run(Bundles.decoder.decode(bundle.goldenPicture(bundle.golden().cases[0])!!))
                val best = IntArray(3).also(answer::best)
                val prediction = answer.prediction()
                assertEquals(best.toList(), prediction.top(3).map { it.index })
                assertEquals(best[0], prediction.index)
                assertEquals(answer.label(best[0]), prediction.label)
                assertEquals(answer.scores[best[0]], prediction.score)
                assertTrue(prediction.times.inferenceNs > 0 && prediction.times.preprocessNs > 0)
                assertEquals(List(2) { -1 }, IntArray(12).also(answer::best).drop(10))
            }
        }
    }

    @Test
    fun `what a model does not take is refused`() {
        Bundles.open("digits.edgecv").use { bundle ->
            Predictor.open(bundle, listOf(OnnxEngine)).use { predictor ->
                val tensor = assertFailsWith<InputException> { predictor.predict(FloatArray(256)) }
                assertEquals("the input 'image' takes a picture, not a tensor", tensor.message)
                assertEquals("the frame is empty", assertFailsWith<InputException> { predictor.run(ArgbFrame()) }.message)
                val wrong = assertFailsWith<InputException> { predictor.predictPrepared(mapOf("picture" to FloatArray(256))) }
                assertEquals("the model's inputs are image, got picture", wrong.message)
                val short = assertFailsWith<InputException> { predictor.predictPrepared(mapOf("image" to FloatArray(255))) }
                assertEquals("the input 'image' takes 256 numbers, got 255", short.message)
                val broken = assertFailsWith<InputException> { predictor.predictPrepared(mapOf("image" to FloatArray(256) { Float.NaN })) }
                assertEquals("the tensor for 'image' holds NaN or infinity", broken.message)
            }
        }
    }

    @Test
    fun `a closed predictor and a wrong engine are refused`() {
        Bundles.open("digits.edgecv").use { bundle ->
            val predictor = Predictor.open(bundle, listOf(OnnxEngine))
            predictor.close()
            predictor.close()
            assertEquals("the model was closed", assertFailsWith<EngineException> { predictor.warmUp(1) }.message)
            val tflite = bundle.artifact(Format.TFLITE)
            val wrong = assertFailsWith<EngineException> { Predictor.open(bundle, tflite, OnnxEngine) }
            assertEquals("onnx does not run tflite files", wrong.message)
            val none = assertFailsWith<EngineException> { Predictor.open(bundle, emptyList()) }
            assertTrue(none.hint!!.contains("onnx int8 (passed)"), none.hint)
        }
    }
}
