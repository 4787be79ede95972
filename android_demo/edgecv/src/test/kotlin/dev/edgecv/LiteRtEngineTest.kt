package dev.edgecv

import com.google.ai.edge.litert.StandIn
import com.google.ai.edge.litert.TensorType.ElementType
import dev.edgecv.LiteRtEngine.Accelerator
import org.junit.jupiter.api.AfterEach
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.concurrent.Callable
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import com.google.ai.edge.litert.Accelerator as Hardware

/** What is edgecv's own in [LiteRtEngine]: the choice of a processor, what is closed, shapes and types, errors in words. */
class LiteRtEngineTest {
    private val everything = setOf(Hardware.CPU, Hardware.GPU, Hardware.NPU)
    private val plain = mapOf("x" to fakeTensor(ElementType.FLOAT, 2, 3))

    @AfterEach
    fun `nothing stands in for LiteRT any more`() {
        StandIn.current = null
    }

    private fun fake(there: Set<Hardware> = setOf(Hardware.CPU), refusing: Map<Hardware, String> = emptyMap()) =
        FakeLiteRt(plain, mapOf("y" to fakeTensor(ElementType.FLOAT, 2, 3)), there, refusing).also { StandIn.current = it }

    private fun io(name: String, dtype: String, vararg shape: Int) = TensorIO(name.uppercase(), name, shape.toList(), dtype)

    private fun artifact(
        inputs: List<TensorIO> = listOf(io("x", "float32", 2, 3)),
        outputs: List<TensorIO> = listOf(io("y", "float32", 2, 3)),
    ) = Artifact(Format.TFLITE, "float32", "tflite/model.tflite", "", 4, inputs, outputs, emptyMap(), emptyMap())

    private fun open(accelerator: Accelerator, artifact: Artifact = artifact(), libraries: String? = null): Engine {
        val model = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder())
        return LiteRtEngine.Factory(accelerator, libraries, "9.9").open(artifact, model, threads = 3)
    }

    private fun refused(fake: FakeLiteRt, accelerator: Accelerator = Accelerator.CPU, artifact: Artifact = artifact()): EngineException {
        val error = assertFailsWith<EngineException> { open(accelerator, artifact) }
        assertEquals(emptyList(), fake.open, "left open")
        assertTrue(fake.isTidy, "the copy of the model stayed")
        return error
    }

    @Test
    fun `numbers go in and come out, a batch of two`() {
        val fake = fake()
        open(Accelerator.CPU).use { engine ->
            for (round in 0..2) {
                val numbers = FloatArray(6) { it + 0.5f * round }
                engine.inputs[0].floats.put(numbers).rewind()
                engine.run()
                assertContentEquals(numbers, FloatArray(6) { engine.outputs[0].floats.get(it) })
            }
        }
        assertEquals(4, fake.bytes)
        assertTrue(fake.isTidy)
    }

    @Test
    fun `each processor is asked for by its name, and what runs is said`() {
        val names = Accelerator.values().associateWith { LiteRtEngine.Factory(it).backend }
        assertEquals(listOf("litert", "litert-gpu", "litert-npu", "litert-best"), names.values.toList())
        for ((accelerator, wanted) in mapOf(
            Accelerator.CPU to (setOf(Hardware.CPU) to 3),
            Accelerator.GPU to (setOf(Hardware.GPU) to null),
            Accelerator.NPU to (setOf(Hardware.NPU, Hardware.CPU) to 3),
        )) {
            val fake = fake(everything)
            open(accelerator, libraries = "/app/lib").use { engine ->
                assertEquals<List<Any?>>(listOf(wanted), fake.asked)
                val providers = if (accelerator == Accelerator.NPU) listOf("NPU", "CPU") else listOf(accelerator.name)
                assertEquals(BackendInfo("litert", "9.9", providers, 3), engine.info)
            }
            assertEquals("/app/lib".takeIf { accelerator != Accelerator.CPU }, fake.libraries)
        }
    }

    @Test
    fun `a processor that is not there is an error, and the CPU does not take its place`() {
        for (accelerator in listOf(Accelerator.GPU, Accelerator.NPU)) {
            val fake = fake()
            val error = refused(fake, accelerator)
            assertEquals("LiteRT finds no $accelerator: this device has none that it knows, or the app lacks its library", error.message)
            assertEquals("Use the CPU: not every device and model can use the $accelerator", error.hint)
            assertEquals(emptyList(), fake.asked)
        }
    }

    @Test
    fun `a model that a processor does not take is an error, and the CPU does not take its place`() {
        val fake = fake(everything, mapOf(Hardware.GPU to "Failed to compile"))
        val error = refused(fake, Accelerator.GPU)
        assertEquals("LiteRT cannot run tflite/model.tflite on the GPU: Failed to compile", error.message)
        assertEquals(1, fake.asked.size)
        assertNull(refused(fake(refusing = mapOf(Hardware.CPU to "bad file"))).hint)
    }

    @Test
    fun `the best is the first that takes the model, and why the others do not is said`() {
        fake(everything)
        open(Accelerator.BEST).use { assertEquals(BackendInfo("litert", "9.9", listOf("NPU", "CPU"), 3), it.info) }
        fake(setOf(Hardware.CPU, Hardware.GPU))
        open(Accelerator.BEST).use { engine ->
            assertEquals(listOf("GPU"), engine.info.providers)
            assertEquals(1, engine.info.refused.size)
        }
        val fake = fake(setOf(Hardware.CPU, Hardware.GPU), mapOf(Hardware.GPU to "no CUMSUM"))
        open(Accelerator.BEST).use { engine ->
            val wanted = "litert 9.9 (CPU), 3 threads; LiteRT finds no NPU: this device has none that it knows, or the app lacks its " +
                "library; LiteRT cannot run tflite/model.tflite on the GPU: no CUMSUM"
            assertEquals(wanted, engine.info.toString())
        }
        assertEquals(listOf(setOf(Hardware.GPU), setOf(Hardware.CPU)), fake.asked.map { it.first })
        val none = refused(fake(refusing = mapOf(Hardware.CPU to "bad file")), Accelerator.BEST)
        assertEquals("LiteRT cannot run tflite/model.tflite on the CPU: bad file", none.message)
    }

    @Test
    fun `one environment, one model and one memory a tensor are made once, and closed once`() {
        val fake = fake()
        val engine = open(Accelerator.CPU)
        assertEquals(4, fake.made)
        repeat(5) { engine.run() }
        assertEquals(4, fake.made)
        engine.close()
        engine.close()
        assertEquals(emptyList(), fake.open)
        assertEquals("the model was closed", assertFailsWith<EngineException> { engine.run() }.message)
    }

    @Test
    fun `int8, uint8, integers and booleans keep every bit, and outputs come in the order of the record`() {
        val types = listOf("int8" to ElementType.INT8, "uint8" to null, "int32" to ElementType.INT, "int64" to ElementType.INT64,
            "bool" to ElementType.BOOLEAN)
        val from = types.associate { (name, type) -> "in_$name" to fakeTensor(type, 1, 4) }
        val into = types.associate { (name, type) -> "out_$name" to fakeTensor(type, 1, 4) }
        StandIn.current = FakeLiteRt(from, into)
        val inputs = types.map { io("in_${it.first}", it.first, 1, 4) }
        val outputs = types.reversed().map { io("out_${it.first}", it.first, 1, 4) }
        open(Accelerator.CPU, artifact(inputs, outputs)).use { engine ->
            for (input in engine.inputs) {
                val isBool = input.dtype == DType.BOOL
                for (place in 0 until input.buffer.capacity()) {
                    input.buffer.put(place, if (isBool) (place % 2).toByte() else (place * 61 - 100).toByte())
                }
            }
            engine.run()
            assertEquals(engine.inputs.map { it.dtype }.reversed(), engine.outputs.map { it.dtype })
            for ((input, output) in engine.inputs.zip(engine.outputs.reversed())) {
                assertContentEquals(input.toBytes(), output.toBytes(), input.dtype.title)
            }
        }
    }

    @Test
    fun `what the file has and the record does not say is refused`() {
        val shape = refused(fake(), artifact = artifact(inputs = listOf(io("x", "float32", 3, 2))))
        assertEquals("'x' in tflite/model.tflite is FLOAT [2, 3], not float32 [3, 2]", shape.message)
        val type = refused(fake(), artifact = artifact(outputs = listOf(io("y", "int8", 2, 3))))
        assertEquals("'y' in tflite/model.tflite is FLOAT [2, 3], not int8 [2, 3]", type.message)
        val unsigned = refused(fake(), artifact = artifact(inputs = listOf(io("x", "uint8", 2, 3))))
        assertEquals("'x' in tflite/model.tflite is FLOAT [2, 3], not uint8 [2, 3]", unsigned.message)
        val name = refused(fake(), artifact = artifact(outputs = listOf(io("z", "float32", 2, 3))))
        assertEquals("tflite/model.tflite has no tensor 'z': Failed to find z", name.message)
        val half = refused(fake(), artifact = artifact(inputs = listOf(io("x", "float16", 2, 3))))
        assertEquals("'X' is float16, which this engine does not hand to LiteRT", half.message)
        val unnamed = FakeLiteRt(mapOf("x" to fakeTensor(null, 2, 3)), mapOf("y" to fakeTensor(ElementType.FLOAT, 2, 3)))
        StandIn.current = unnamed
        val unsaid = refused(unnamed)
        assertEquals("'x' in tflite/model.tflite is not float32 [2, 3]: Unsupported element type in Kotlin", unsaid.message)
    }

    @Test
    fun `an output of uint8 with another number of elements is refused where it is read`() {
        val fake = FakeLiteRt(mapOf("x" to fakeTensor(null, 4)), mapOf("y" to fakeTensor(null, 5)))
        StandIn.current = fake
        open(Accelerator.CPU, artifact(listOf(io("x", "uint8", 4)), listOf(io("y", "uint8", 4)))).use { engine ->
            val error = assertFailsWith<EngineException> { engine.run() }
            assertEquals("'Y' has 5 numbers in the model, its record says [4]", error.message)
        }
    }

    @Test
    fun `a failure while it runs, a missing library and an input that nobody writes are said in words`() {
        val fake = fake(everything)
        open(Accelerator.NPU).use { engine ->
            fake.failing = "Failed to invoke"
            val error = assertFailsWith<EngineException> { engine.run() }
            assertEquals("LiteRT failed on the NPU: Failed to invoke", error.message)
            assertEquals("Use the CPU: not every device and model can use the NPU", error.hint)
        }
        open(Accelerator.CPU, artifact(inputs = emptyList())).use { engine ->
            assertEquals("LiteRT failed on the CPU: Failed to find input x", assertFailsWith<EngineException> { engine.run() }.message)
        }
        StandIn.current = null
        val missing = assertFailsWith<EngineException> { open(Accelerator.CPU) }
        assertEquals("LiteRT is not in this app: no LiteRt in java.library.path", missing.message)
        assertEquals("Add com.google.ai.edge.litert:litert to the app's dependencies", missing.hint)
    }

    @Test
    fun `an app without LiteRT's classes is told so, and may list the engine`() {
        val mine = javaClass.classLoader
        val without = object : ClassLoader(mine) {
            override fun loadClass(name: String, resolve: Boolean): Class<*> {
                if (name.startsWith("com.google.")) throw ClassNotFoundException(name)
                if (!name.startsWith("dev.edgecv.")) return super.loadClass(name, resolve)
                val bytes = mine.getResourceAsStream("${name.replace('.', '/')}.class")!!.use { it.readBytes() }
                return findLoadedClass(name) ?: defineClass(name, bytes, 0, bytes.size)
            }
        }
        val app = without.loadClass("dev.edgecv.AppWithoutLiteRt").getDeclaredConstructor().apply { isAccessible = true }
        val said = (app.newInstance() as Callable<*>).call().toString()
        assertTrue(said.startsWith("LiteRT is not in this app: com/google/ai/edge/litert/"), said)
    }
}

/** An app that lists LiteRT among its engines and opens a model on it; what it is told. */
internal class AppWithoutLiteRt : Callable<String> {
    override fun call(): String {
        val artifact = Artifact(Format.TFLITE, "float32", "x.tflite", "", 4, emptyList(), emptyList(), emptyMap(), emptyMap())
        val engines = Accelerator.values().map { LiteRtEngine.Factory(it) }
        return assertFailsWith<EngineException> { engines.first().open(artifact, ByteBuffer.allocateDirect(4)) }.message
    }
}
