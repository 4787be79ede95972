package dev.edgecv

import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import java.security.MessageDigest

private const val WIDTH = 1920
private const val HEIGHT = 1080
private const val MOST_FRAMES = 100_000

/** What is to be preprocessed, for so long: one line of JSON. */
@Serializable
internal data class Order(val spec: Preprocess, val io: TensorIO, val source: String, val rotation: Int, val seconds: Double)

/** What came of it: microseconds of each frame, bytes allocated in all of them, and the digest of the tensor. */
@Serializable
internal data class Turn(val us: List<Double>, val bytes: Long, val sha256: String)

/** The JVM's side of `python -m benchmarks.kotlin_preprocess`: takes turns on standard input. */
internal object PreprocessBench {
    private val threads = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean
    private val micros = DoubleArray(MOST_FRAMES)
    private val steps = HashMap<Order, Preprocessor>()
    private val light = direct(GoldenVectors.mesh(HEIGHT, WIDTH, 1))
    private val v = direct(GoldenVectors.mesh(HEIGHT / 2, WIDTH / 2, 2))
    private val u = v.duplicate().apply { position(1) }
    private val yuv = YuvFrame()
    private val rgb = RgbFrame().set(GoldenVectors.mesh(HEIGHT, WIDTH, 3), WIDTH, HEIGHT)

    @JvmStatic
    fun main(args: Array<String>) {
        for (line in generateSequence(::readLine)) println(Json.encodeToString(Turn.serializer(), turn(Json.decodeFromString(line))))
    }

    private fun turn(order: Order): Turn {
        val preprocessor = steps.getOrPut(order) { Preprocessor(order.spec, order.io) }
        val tensor = preprocessor.tensor()
        frame(order, preprocessor, tensor)
        val end = System.nanoTime() + (order.seconds * 1e9).toLong()
        val before = threads.currentThreadAllocatedBytes
        var count = 0
        do {
            val began = System.nanoTime()
            frame(order, preprocessor, tensor)
            micros[count++] = (System.nanoTime() - began) / 1e3
        } while (System.nanoTime() < end && count < MOST_FRAMES)
        val bytes = threads.currentThreadAllocatedBytes - before
        return Turn(micros.take(count), bytes, hex(MessageDigest.getInstance("SHA-256").digest(tensor.toBytes())))
    }

    /** A camera's planes are taken in anew for every frame: that is part of the time. */
    private fun frame(order: Order, preprocessor: Preprocessor, tensor: Tensor) {
        if (order.source == "rgb") {
            preprocessor.process(rgb, tensor)
        } else {
            preprocessor.process(yuv.set(light, u, v, WIDTH, HEIGHT, WIDTH, WIDTH, 2, rotation = order.rotation), tensor)
        }
    }

    private fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).apply {
        put(bytes)
        rewind()
    }
}
