package dev.edgecv

import dev.edgecv.preprocess.place
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

private const val WARM = 300
private const val FRAMES = 200
private const val ROUNDS = 3

/** A frame costs no allocation once frames of its form were seen. */
class AllocationTest {
    private val threads = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean

    @Test
    fun `preprocessing a camera's frames allocates nothing`() {
        for (semantics in Semantics.values()) {
            for (fit in listOf(Fit(), Fit(FitMode.LETTERBOX, pad = listOf(114)))) {
                val preprocessor = Preprocessor(spec(semantics, fit), INT8)
                val tensor = preprocessor.tensor()
                val frame = YuvFrame()
                val planes = Planes(96, 64)
                assertEquals(0, allocated { preprocessor.process(planes.into(frame), tensor) }, "$semantics $fit")
            }
        }
    }

    @Test
    fun `two forms in turn allocate nothing`() {
        val preprocessor = Preprocessor(spec(Semantics.PILLOW, Fit()), INT8)
        val tensor = preprocessor.tensor()
        val small = RgbFrame().set(ByteArray(40 * 30 * 3) { it.toByte() }, 40, 30)
        val large = ArgbFrame().set(IntArray(80 * 90) { it * 7919 }, 80, 90, orientation = 6)
        val bytes = allocated {
            preprocessor.process(small, tensor)
            preprocessor.process(large, tensor)
        }
        assertEquals(0, bytes)
    }

    @Test
    fun `reading an answer allocates nothing`() {
        Bundles.open("digits_int8.edgecv").use { bundle ->
            val artifact = bundle.artifact(Format.ONNX, "int8")
            val reader = OutputReader(bundle.manifest, artifact)
            val outputs = tensorsOf(artifact.outputs)
            val best = IntArray(3)
            val bytes = allocated {
                reader.read(outputs, null)
                reader.prediction.best(best)
            }
            assertEquals(0, bytes)
        }
    }

    @Test
    fun `reading boxes, masks, points and pictures allocates nothing`() {
        Bundles.open("places.edgecv").use { bundle ->
            val artifact = bundle.artifact(Format.ONNX, "float32")
            val reader = OutputReader(bundle.manifest, artifact)
            val outputs = tensorsOf(artifact.outputs)
            for (output in outputs) for (i in 0 until output.count) output.floats.put(i, i * 37 % 101 / 100f)
            val view = View(90, 120, place(bundle.manifest.preprocess.getValue("image"), 90, 120))
            val twins = reader.prediction.answers.map { it.twin() }
            val bytes = allocated {
                reader.read(outputs, view)
                for (i in twins.indices) reader.prediction.answers[i].copyInto(twins[i])
            }
            assertEquals(0, bytes)
            assertTrue((twins[0] as LiveBoxes).count > 0)
            assertEquals(90 * 120, (twins[1] as LiveMask).mask.size)
        }
    }

    /**
     * Bytes that this thread allocated in many calls, after as many that warm up: the least of some rounds, because the JVM allocates
     * by itself now and then (when it drops compiled code). One object a frame would be in every round.
     */
    private fun allocated(call: () -> Unit): Long {
        repeat(WARM) { call() }
        return (0 until ROUNDS).minOf {
            val before = threads.currentThreadAllocatedBytes
            for (i in 0 until FRAMES) call()
            threads.currentThreadAllocatedBytes - before
        }
    }

    private fun spec(semantics: Semantics, fit: Fit) = Preprocess(
        size = listOf(32, 24),
        fit = fit,
        resize = Resize(Kernel.BILINEAR, semantics),
        normalize = Normalize(scale = listOf(0.0078125), offset = listOf(-1.0)),
    )

    private class Planes(val width: Int, val height: Int) {
        private val y = ByteBuffer.allocateDirect(width * height)
        private val uv = ByteBuffer.allocateDirect(width * height / 2)
        private val v = uv.duplicate().apply { position(1) }

        fun into(frame: YuvFrame): YuvFrame = frame.set(y, uv, v, width, height, width, width, 2, rotation = 90)
    }

    private companion object {
        val INT8 = TensorIO("image", "image", listOf(1, 32, 24, 3), "int8", Layout.NHWC, QuantParams(0.0078125, 0))
    }
}
