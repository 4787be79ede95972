package dev.edgecv

import java.io.File
import kotlin.math.abs
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

internal const val FLOAT_TOLERANCE = 1e-6
private const val PLACES = 1e-5 // of a pixel, or of a place over one; pixels and classes are whole numbers

/** Fails where a runtime does not answer the golden cases as Python does. */
internal fun compare(python: PythonAnswers, factory: EngineFactory) {
    Bundle.open(File(Bundles.folder, python.bundle)).use { bundle ->
        val artifact = bundle.manifest.artifacts.single { it.file == python.artifact }
        val golden = bundle.golden().cases.associateBy { it.id }
        Predictor.open(bundle, artifact, factory).use { predictor ->
            for (case in python.cases) check(case, answer(predictor, golden.getValue(case.id)), predictor)
        }
    }
}

private fun answer(predictor: Predictor, case: GoldenCase): Prediction {
    val picture = predictor.bundle.goldenPicture(case)
    if (picture != null) return predictor.predict(Bundles.decoder.decode(picture))
    return predictor.predictPrepared(case.inputs.mapValues { (_, tensor) -> predictor.bundle.goldenTensor(tensor) })
}

/**
 * Outputs of int8 must be equal, floats within a millionth (of one, or of a larger value), since Python has another build of the runtime. Of
 * equal outputs the scores must be equal to the bit, whatever activation was applied here.
 */
private fun check(case: PythonCase, made: Prediction, predictor: Predictor) {
    val exact = if (predictor.artifact.precision == "int8") 0.0 else FLOAT_TOLERANCE
    assertEquals(case.answers.map { it.head to it.kind }, made.answers.map { it.head.name to it.head.kind.title })
    for ((python, answer) in case.answers.zip(made.answers)) {
        val output = answer.head.outputs[0]
        val equal = case.outputs.getValue(output) == made.outputs.getValue(output).map { it.toDouble() }
        assertEquals(Triple(python.label, python.index, python.labels), Triple(answer.label, answer.index, answer.labels))
        near(python.scores, answer.scores, if (equal) 0.0 else exact, "${case.id}: scores of ${python.head}")
        near(python.places, placesOf(answer), PLACES, "${case.id}: places of ${python.head}")
    }
    assertEquals(case.outputs.keys.toList(), made.outputs.keys.toList())
    for ((name, values) in case.outputs) near(values, made.outputs.getValue(name), exact, "${case.id}: $name")
    val first = made.answers[0]
    assertEquals(listOf(first.label, first.index, first.score, first.labels), listOf(made.label, made.index, made.score, made.labels))
    assertContentEquals(first.scores, made.scores)
}

internal fun placesOf(answer: Answer): FloatArray = when (answer) {
    is BoxesAnswer -> answer.boxes.flatMap { listOf(it.left, it.top, it.right, it.bottom) }.toFloatArray()
    is PointsAnswer -> answer.points.flatMap { listOf(it.x, it.y) }.toFloatArray()
    is MaskAnswer -> FloatArray(answer.mask.size) { answer[it % answer.width, it / answer.width].toFloat() }
    is PictureAnswer -> FloatArray(answer.pixels.size) { (answer.pixels[it].toInt() and 255).toFloat() }
    else -> FloatArray(0)
}

internal fun near(wanted: List<Double>, made: FloatArray, tolerance: Double, what: String) {
    assertEquals(wanted.size, made.size, what)
    val worst = wanted.indices.maxOfOrNull { abs(wanted[it] - made[it].toDouble()) / maxOf(1.0, abs(wanted[it])) } ?: 0.0
    assertTrue(worst <= tolerance, "$what differ by $worst")
}
