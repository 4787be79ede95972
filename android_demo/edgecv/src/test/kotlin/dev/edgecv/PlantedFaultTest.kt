package dev.edgecv

import dev.edgecv.heads.Head
import dev.edgecv.heads.HeadForm
import dev.edgecv.heads.HeadKind
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Faults planted in one head, column or channel are found and named as Python does, number for number and word for word. */
class PlantedFaultTest {
    private val proofs = Proofs.read("proofs.json")
    private val places = Proofs.read("place_proofs.json") // of heads whose answers lie in a picture

    @Test
    fun `a good artifact passes with a gate for each head and each group of columns`() {
        val measured = proofs.compare(proofs.good)
        val gates = Gates.of(proofs.precision, trained = false, measured, emptyList())
        assertTrue(gates.all { it.passed }, "$gates")
        assertEquals(listOf("cls", "smile", "tags", "map"), measured.heads.map { it.head })
        val parts = listOf(
            "cls", "smile", "tags", "age", "pred[0:4]", "pred[4:7]", "rows[0:3]", "rows[3:5]", "pixels", "joined[0:4]", "joined[4:7]", "kelvin", "tilted",
        )
        assertEquals(parts, gates.filter { it.name == "snr_db" }.map { it.subject })
        assertSame(proofs.proof, measured, gates, emptyList(), SUMS)
    }

    @Test
    fun `good boxes, masks, points, pictures and vectors pass, each with its own gates`() {
        val measured = places.compare(places.good)
        val gates = Gates.of(places.precision, trained = false, measured, emptyList())
        assertTrue(gates.all { it.passed }, "$gates")
        assertEquals(places.heads.map { it.name }, gates.filter { it.name == "agreement" }.map { it.subject })
        assertEquals(listOf("mask", "lane"), gates.filter { it.name == "mean_iou" }.map { it.subject })
        assertEquals(listOf("made"), gates.filter { it.name == "psnr_db" }.map { it.subject })
        assertSame(places.proof, measured, gates, emptyList(), SUMS)
    }

    @Test
    fun `enough faults are planted, in every output`() {
        for (set in listOf(proofs, places)) {
            assertTrue(set.plants.size >= 20)
            assertEquals(set.outputs.map { it.name }.toSet(), set.plants.map { it.output }.toSet())
        }
    }

    @TestFactory
    fun `a fault is found and named as in Python`(): List<DynamicTest> = listOf(proofs, places).flatMap { set ->
        set.plants.mapIndexed { number, plant ->
            DynamicTest.dynamicTest("$number ${plant.blamed}") {
                val measured = set.compare(set.good + (plant.output to plant.values))
                val gates = Gates.of(set.precision, trained = false, measured, listOf(set.recorded))
                val reasons = Gates.reasons(gates, measured)
                assertTrue(reasons.any { plant.blamed in it }, "$reasons")
                assertSame(plant.proof, measured, gates, reasons, SUMS)
            }
        }
    }

    @Test
    fun `the same fault is found where the output is the only one`() {
        for (output in proofs.outputs) {
            val alone = proofs.copy(
                heads = proofs.heads.filter { output.name in it.outputs },
                outputs = listOf(output),
            )
            val good = Gates.of(proofs.precision, trained = false, alone.compare(proofs.good), emptyList())
            assertTrue(good.all { it.passed }, "$good")
            val still = proofs.good.getValue(output.name).map { row -> row.map<Float?, Float?> { 0.5f } }
            assertFalse(Gates.of(proofs.precision, trained = false, alone.compare(mapOf(output.name to still)), emptyList()).all { it.passed }, output.name)
        }
    }

    @Test
    fun `a class that the source gives in four samples is not missed, in five it is`() {
        val head = HeadSpec("a", HeadKind.CLASSIFICATION, listOf("a"), labels = listOf("cat", "dog"))
        val cases = mapOf(4 to emptyList(), 5 to listOf("cat"))
        for ((count, never) in cases) {
            val form = HeadForm(head, listOf(listOf(1, 2)), listOf("float32"), canvas = null)
            val sum = ComparisonSum(listOf(Head.open(form, listOf("a"))), listOf(TensorSpec("a", listOf(1, 2), "float32")))
            repeat(count) { sum.add("$it", listOf(floatArrayOf(0.9f, 0.1f)), listOf(floatArrayOf(0.1f, 0.9f))) }
            assertEquals(never, sum.result().heads.single().never)
        }
    }

    @Test
    fun `too many columns are one, and noise beside large columns is not judged by its own scale`() {
        val wide = OutputSums("flat", listOf(1, 4096), byColumn = true)
        val rising = FloatArray(4096) { 1f + it * it }
        wide.add(rising, rising)
        assertEquals(listOf("flat"), wide.parts().map { it.part })
        val tiny = OutputSums("out", listOf(1, 3), byColumn = true)
        for (value in 1..8) tiny.add(floatArrayOf(1e3f * value, 1f * value, 1e-6f * value), floatArrayOf(1e3f * value, 1f * value, 0f))
        assertEquals(listOf("out[0, 2]", "out[1]"), tiny.parts().map { it.part })
        assertTrue(tiny.parts()[0].snrDb!! > 150)
        assertEquals(null, tiny.parts()[1].snrDb)
        assertTrue(tiny.parts().all { it.constant.isEmpty() })
    }

    @Test
    fun `an error where the source is zero counts among the largest columns`() {
        val sums = OutputSums("out", listOf(1, 3), byColumn = true)
        for (value in 1..8) sums.add(floatArrayOf(640f * value, 1f * value, 0f), floatArrayOf(640f * value, 1f * value, 1e6f))
        assertEquals(listOf("out[0, 2]", "out[1]"), sums.parts().map { it.part })
        assertTrue(sums.parts()[0].snrDb!! < -40)
    }

    @Test
    fun `scales that fall step by step are not all of one kind`() {
        val sums = OutputSums("out", listOf(1, 4), byColumn = true)
        val row = floatArrayOf(640f, 85f, 11f, 1.5f)
        sums.add(row, row)
        assertEquals(listOf("out[0:2]", "out[2:4]"), sums.parts().map { it.part })
    }

    @Test
    fun `scores beside boxes are proven along any axis`() {
        for ((shape, axis) in listOf(listOf(1, 7, 4) to 1, listOf(1, 9, 60) to 1, listOf(1, 9, 20, 20) to 1, listOf(1, 40, 9) to 2, listOf(1, 6, 6, 9) to 3)) {
            val sums = OutputSums("out", shape, byColumn = true)
            val stride = shape.drop(axis + 1).fold(1, Int::times)
            for (value in 1..8) {
                val source = FloatArray(shape.fold(1, Int::times)) { (if (it / stride % shape[axis] < 4) 640f else 0.5f) * ((it * 7 + value * 3) % 11 + 1) }
                sums.add(source, FloatArray(source.size) { if (it / stride % shape[axis] < 4) source[it] else 0f })
            }
            assertEquals(listOf("out[0:4]", "out[4:${shape[axis]}]"), sums.parts().map { it.part })
            assertEquals(shape[axis] - 4, sums.parts()[1].constant.size)
        }
        val picture = OutputSums("out", listOf(1, 28, 28, 1), byColumn = true)
        picture.add(FloatArray(28 * 28) { it.toFloat() }, FloatArray(28 * 28) { it.toFloat() })
        assertEquals(listOf("out"), picture.parts().map { it.part })
    }

    @Test
    fun `numbers far from zero are judged by how they move`() {
        val (lost, kept, logits) = listOf(true, true, false).map { OutputSums("out", listOf(1, 1), byColumn = it) }
        for (value in 0..20) {
            val kelvin = floatArrayOf(300f + value / 20f)
            val coarse = floatArrayOf(if (value > 17) 301.2f else 300f)
            lost.add(kelvin, coarse)
            kept.add(kelvin, floatArrayOf(kelvin[0] + 0.05f))
            logits.add(kelvin, coarse)
        }
        assertEquals(listOf("out"), lost.parts().single().lost)
        assertEquals(emptyList(), kept.parts().single().lost)
        assertEquals(emptyList(), logits.parts().single().lost)
    }

    @Test
    fun `columns are named as an index`() {
        assertEquals("[4:7]", placeWords(listOf(4, 5, 6)))
        assertEquals("[7]", placeWords(listOf(7)))
        assertEquals("[1, 3, 5]", placeWords(listOf(1, 3, 5)))
        assertEquals("[1, 3, 5, 7, ...]", placeWords(listOf(1, 3, 5, 7, 9)))
    }

    @Test
    fun `numbers are written as Python writes them`() {
        val written = listOf(0.0, 0.875, 43.70123, -0.15055, 100.0, 99.996, 0.0001, 0.00001234567, 123456.0, 2.5, -1e-5, 0.12345)
        val wanted = listOf("0", "0.875", "43.7", "-0.1505", "100", "100", "0.0001", "1.235e-05", "1.235e+05", "2.5", "-1e-05", "0.1235")
        assertEquals(wanted, written.map { general(it, 4) })
        assertEquals("0.995", general(0.995, 6))
    }
}
