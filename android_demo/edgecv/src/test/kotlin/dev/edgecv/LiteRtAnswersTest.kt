package dev.edgecv

import com.google.ai.edge.litert.StandIn
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.BeforeEach
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Bundles of `edgecv convert` on LiteRT's own library give what they give in Python, through the declarations of its Kotlin API. */
class LiteRtAnswersTest {
    private val engine = LiteRtEngine.Factory()

    private fun answers(): List<PythonAnswers> = Json.decodeFromString(File(Bundles.folder, "litert/answers.json").readText())

    @BeforeEach
    fun `LiteRT is there`() {
        StandIn.current = LiteRtLibrary.find()
        assumeTrue(StandIn.current != null, "LiteRT's library was not made ready: python -m tests.android.litert")
    }

    @AfterEach
    fun `nothing stands in for LiteRT any more`() {
        StandIn.current = null
    }

    @Test
    fun `every TFLite file answers as in Python`() {
        val made = answers()
        val types = made.flatMap { python ->
            Bundle.open(File(Bundles.folder, python.bundle)).use { bundle ->
                val artifact = bundle.manifest.artifacts.single { it.file == python.artifact }
                (artifact.inputs + artifact.outputs).map { it.dtype }
            }
        }
        assertEquals(setOf("float32", "int8", "uint8"), types.toSet())
        for (python in made) compare(python, engine)
    }

    @Test
    fun `the self-test agrees, and says what ran`() {
        Bundles.open("people.edgecv").use { bundle ->
            Predictor.open(bundle, bundle.artifact(Format.TFLITE, "int8"), engine, threads = 2).use { predictor ->
                val verdict = SelfTest.run(predictor, Bundles.decoder)
                assertTrue(verdict.passed, verdict.reasons.joinToString())
                assertEquals("tflite/model.int8.tflite on litert of unknown version (CPU), 2 threads", predictor.describe())
            }
        }
    }

    @Test
    fun `a damaged file is refused in words`() {
        Bundles.open("people.edgecv").use { bundle ->
            val artifact = bundle.artifact(Format.TFLITE, "int8")
            val damaged = java.nio.ByteBuffer.allocateDirect(1000)
            val error = kotlin.test.assertFailsWith<EngineException> { engine.open(artifact, damaged) }
            assertTrue(error.message.startsWith("LiteRT cannot run ${artifact.file} on the CPU: "), error.message)
        }
    }
}
