package dev.edgecv

import dev.edgecv.heads.Head
import dev.edgecv.heads.Recorded
import dev.edgecv.heads.activate
import dev.edgecv.preprocess.place
import kotlinx.serialization.json.JsonNull
import java.nio.ByteBuffer

/** Decodes a picture file (PNG) to pixels, without colour management and without scaling; the platform's, as `BitmapFactory`. */
public fun interface PictureDecoder {
    /** @throws InputException it cannot be decoded. */
    public fun decode(encoded: ByteArray): Frame
}

/**
 * The outcome of a self-test: does this device give the answers that were recorded when the bundle was made?
 *
 * @property passed all gates passed, and all pictures gave the recorded tensors.
 * @property backend what ran.
 * @property artifact the file that ran.
 * @property pictures how many golden pictures were decoded and preprocessed here; 0 where there are none, or no decoder.
 * @property picturesEqual how many of them gave the recorded tensor in every bit.
 * @property answersEqual of how many golden cases the recorded outputs were decoded here to the recorded answer of every head.
 * @property comparison the outputs against the source model's, in all and by head and part of an output.
 * @property gates the bars, as `edgecv verify` sets them on the golden cases: one for each head, and one for each part of an output, and one for
 *     its fall below the ratio that was recorded when the artifact was made.
 * @property reasons why it did not pass, a sentence each.
 */
public data class Verdict(
    val passed: Boolean,
    val backend: BackendInfo,
    val artifact: String,
    val pictures: Int,
    val picturesEqual: Int,
    val answersEqual: Int,
    val comparison: Comparison,
    val gates: List<Gate>,
    val reasons: List<String>,
)

/** Runs the golden cases of a bundle. */
public object SelfTest {
    /**
     * Preprocess the golden pictures and compare every bit; decode the recorded outputs and compare the answers; run the golden tensors and
     * hold the outputs against the gates.
     *
     * @param decoder null: pictures are left out.
     * @param progress is told how many cases of how many are done.
     * @throws BundleException a golden file is missing or was changed, or there are no golden cases.
     * @throws EngineException the engine failed.
     */
    public fun run(
        predictor: Predictor,
        decoder: PictureDecoder? = null,
        progress: (done: Int, total: Int) -> Unit = { _, _ -> },
    ): Verdict {
        val bundle = predictor.bundle
        val cases = bundle.golden().cases
        if (cases.isEmpty()) throw BundleException("the bundle ${bundle.name} has no golden cases", ANEW)
        val outputs = predictor.artifact.outputs
        val specs = bundle.manifest.outputs.associateBy { it.name }
        val pictures = PictureCheck(bundle, decoder)
        val answers = AnswerCheck(bundle)
        val sum = ComparisonSum(Head.of(bundle.manifest, predictor.artifact), outputs.map { specs.getValue(it.name) })
        cases.forEachIndexed { number, case ->
            progress(number, cases.size)
            val inputs = case.inputs.mapValues { (_, tensor) -> bundle.goldenTensor(tensor) }
            pictures.add(case, inputs)
            val made = predictor.outputsFor(inputs)
            sum.add(case.id, outputs.mapIndexed { place, io -> recorded(bundle, case, io, made[place].size) }, made)
            answers.add(case)
        }
        progress(cases.size, cases.size)
        return verdict(predictor, pictures, answers, sum.result())
    }

    /** The source's output, of as many numbers as the artifact's, with the activation that the artifact applies to its own. */
    private fun recorded(bundle: Bundle, case: GoldenCase, io: TensorIO, count: Int): FloatArray {
        val tensor = case.outputs[io.name] ?: throw BundleException("the golden case ${case.id} has no output '${io.name}'", ANEW)
        val values = bundle.goldenTensor(tensor)
        if (values.size != count) {
            throw BundleException("the golden case ${case.id} has ${values.size} numbers of the output '${io.name}', not $count", ANEW)
        }
        return values.also { activate(it, io.activation) }
    }

    private fun verdict(predictor: Predictor, pictures: PictureCheck, answers: AnswerCheck, comparison: Comparison): Verdict {
        val manifest = predictor.bundle.manifest
        val epochs = manifest.provenance.recipe["epochs"]
        val recorded = manifest.parity.filter { it.artifact == predictor.artifact.file }
        val gates = Gates.of(predictor.artifact.precision, trained = epochs != null && epochs !is JsonNull, comparison, recorded)
        val reasons = Gates.reasons(gates, comparison) + listOfNotNull(pictures.reason, answers.reason)
        return Verdict(
            passed = reasons.isEmpty(),
            backend = predictor.backend,
            artifact = predictor.artifact.file,
            pictures = pictures.count,
            picturesEqual = pictures.equal,
            answersEqual = answers.equal,
            comparison = comparison,
            gates = gates,
            reasons = reasons,
        )
    }
}

/** Preprocesses golden pictures once more, and compares every bit with the recorded tensor. */
private class PictureCheck(private val bundle: Bundle, private val decoder: PictureDecoder?) {
    private val spec = bundle.manifest.inputs[0]
    private val io = TensorIO(spec.name, spec.name, spec.shape, "float32", Layout.NHWC)
    private val preprocessor = bundle.manifest.preprocess.getValue(spec.name).takeIf { it.kind == Kind.IMAGE }?.let { Preprocessor(it, io) }
    private val tensor = Tensor(DType.FLOAT32, io.shape)

    var count = 0
        private set
    var equal = 0
        private set

    val reason: String? get() = if (equal == count) null else "${count - equal} of $count golden pictures give another tensor here"

    fun add(case: GoldenCase, inputs: Map<String, FloatArray>) {
        if (preprocessor == null || decoder == null) return
        val picture = bundle.goldenPicture(case) ?: return
        preprocessor.process(decoder.decode(picture), tensor)
        val made = FloatArray(tensor.count)
        tensor.floats.moveTo(0)
        tensor.floats.get(made)
        count += 1
        if (made.toBits() == inputs[spec.name]?.toBits()) equal += 1
    }

    private fun FloatArray.toBits(): List<Int> = map { it.toRawBits() }
}

/** Decodes the recorded outputs once more, and compares the answers of all heads with the recorded ones. */
private class AnswerCheck(private val bundle: Bundle) {
    private val heads = Head.of(bundle.manifest)
    private val picture = bundle.manifest.inputs.map { bundle.manifest.preprocess.getValue(it.name) }.firstOrNull { it.kind == Kind.IMAGE }

    var count = 0
        private set
    var equal = 0
        private set

    val reason: String? get() = if (equal == count) null else "${count - equal} of $count golden cases have other answers here"

    fun add(case: GoldenCase) {
        count += 1
        val outputs = bundle.manifest.outputs.map { bundle.goldenTensor(case.outputs.getValue(it.name)) }
        val view = view(case)
        if (heads.all { it.recorded(outputs, view).equals(wanted(case, it)) }) equal += 1
    }

    private fun wanted(case: GoldenCase, head: Head): Recorded = case.answers[head.spec.name]?.let(bundle::goldenAnswer)
        ?: throw BundleException("the golden case ${case.id} has no answer of the head '${head.spec.name}'", ANEW)

    /** Where the case's picture lies in the input; null of a case without one. */
    private fun view(case: GoldenCase): View? {
        val spec = picture ?: return null
        val encoded = bundle.goldenPicture(case) ?: return null
        val (height, width) = pngSize(encoded) ?: throw BundleException("the picture of the golden case ${case.id} is no PNG", ANEW)
        return View(height, width, place(spec, height, width))
    }
}

private val PNG = byteArrayOf(0x89.toByte(), 'P'.code.toByte(), 'N'.code.toByte(), 'G'.code.toByte(), 13, 10, 26, 10)
private const val SIZE_AT = 16 // where width and height stand in the header, which is the first chunk

/** Height and width of a PNG file, as golden pictures are; null of another file. */
private fun pngSize(encoded: ByteArray): Pair<Int, Int>? {
    if (encoded.size < SIZE_AT + 2 * Int.SIZE_BYTES || !encoded.copyOf(PNG.size).contentEquals(PNG)) return null
    val numbers = ByteBuffer.wrap(encoded)
    val (width, height) = numbers.getInt(SIZE_AT) to numbers.getInt(SIZE_AT + Int.SIZE_BYTES)
    return if (width < 1 || height < 1) null else height to width
}
