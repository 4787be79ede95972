package dev.edgecv

import dev.edgecv.preprocess.BilinearPlan
import dev.edgecv.preprocess.BoxPlan
import dev.edgecv.preprocess.Finish
import dev.edgecv.preprocess.Form
import dev.edgecv.preprocess.Pick
import dev.edgecv.preprocess.PillowPlan
import dev.edgecv.preprocess.Placement
import dev.edgecv.preprocess.Plan
import dev.edgecv.preprocess.RealInput
import dev.edgecv.preprocess.RowsFirstPlan
import dev.edgecv.preprocess.Sampler
import dev.edgecv.preprocess.Sink
import dev.edgecv.preprocess.inputType
import dev.edgecv.preprocess.pillowNearest
import dev.edgecv.preprocess.place
import dev.edgecv.preprocess.positions
import dev.edgecv.preprocess.sampleCount
import dev.edgecv.preprocess.tfBicubic
import dev.edgecv.preprocess.tfLanczos
import dev.edgecv.preprocess.tfNearest

/**
 * From a picture or a raw tensor to one input of an artifact, bit for bit as docs/preprocessing.md says.
 *
 * What depends on a frame's form (size, strides, orientation) is prepared once and kept for the last four forms; after that a frame
 * costs no allocation. Use it on one thread at a time.
 *
 * @throws SpecException the input is of a type that is not filled, or lacks its scale, or the preprocessing its size.
 */
public class Preprocessor(private val spec: Preprocess, private val io: TensorIO) {
    private val dtype = inputType(io)
    private val image = if (spec.kind == Kind.IMAGE) ImageSteps(spec, io, dtype) else null
    private val real = RealInput(io)
    private val scale = spec.normalize.scale.map { it.toFloat() }.toFloatArray()
    private val offset = spec.normalize.offset.map { it.toFloat() }.toFloatArray()
    private val normalized = FloatArray(if (image == null) sampleCount(io) else 0)

    /** A tensor of the artifact's shape and type, of zeros. */
    public fun tensor(): Tensor = Tensor(dtype, io.shape)

    /**
     * Fill the first sample of `into` from a picture.
     *
     * @return where the picture lies in the input; the same object for frames of one form.
     * @throws InputException the model takes a tensor here, or the frame was never set, or the picture is too thin.
     * @throws IllegalArgumentException `into` has another type or shape.
     */
    public fun process(frame: Frame, into: Tensor): View {
        check(into)
        val steps = image ?: throw InputException("the input '${io.name}' takes a tensor, not a picture")
        if (frame.width == 0) throw InputException("the frame is empty", "Call its set() first")
        return steps.run(frame, into)
    }

    /**
     * Fill the first sample of `into` from numbers, in the source's layout.
     *
     * @throws InputException the model takes a picture here, or the length is wrong, or a value is not finite.
     * @throws IllegalArgumentException `into` has another type or shape.
     */
    public fun process(values: FloatArray, into: Tensor) {
        check(into)
        if (image != null) throw InputException("the input '${io.name}' takes a picture, not a tensor")
        if (values.size != normalized.size) {
            throw InputException("the input '${io.name}' takes ${normalized.size} numbers, got ${values.size}")
        }
        for (i in values.indices) normalized[i] = values[i] * scale[i % scale.size] + offset[i % offset.size]
        real.write(normalized, into)
    }

    private fun check(into: Tensor) {
        require(into.dtype == dtype && into.shape == io.shape) {
            "the tensor must be ${io.dtype} ${io.shape}, got ${into.dtype.title} ${into.shape}"
        }
    }
}

/** The steps that pictures go through. */
private class ImageSteps(private val spec: Preprocess, io: TensorIO, dtype: DType) : Sink {
    private val ignoreExif = spec.orientation == OrientationRule.IGNORE
    private val finish: Finish
    private val kept = arrayOfNulls<Prepared>(FORMS)
    private var current: Placement? = null
    private var target: Tensor? = null

    init {
        val size = spec.size ?: throw SpecException("the preprocessing has no size", "Fit it to the model's input first")
        val wanted = size[0] * size[1] * spec.color.channels
        if (sampleCount(io) != wanted) throw SpecException("the input '${io.name}' of ${io.shape} is no picture of $size")
        finish = Finish(spec, io, dtype)
    }

    fun run(frame: Frame, into: Tensor): View {
        val prepared = prepared(frame)
        val placement = prepared.view.placement
        current = placement
        target = into
        if (!placement.whole) finish.padAll(into)
        prepared.plan.run(frame, this)
        return prepared.view
    }

    override fun bytes(y: Int, row: ByteArray) {
        val (down, across) = current ?: return
        finish.write(row, target ?: return, down.at + y, across.at, across.shown)
    }

    override fun floats(y: Int, row: FloatArray) {
        val (down, across) = current ?: return
        finish.write(row, target ?: return, down.at + y, across.at, across.shown)
    }

    private fun prepared(frame: Frame): Prepared {
        for (place in kept.indices) {
            val one = kept[place] ?: break
            if (one.form.fits(frame, ignoreExif)) {
                for (i in place downTo 1) kept[i] = kept[i - 1]
                kept[0] = one
                return one
            }
        }
        for (i in FORMS - 1 downTo 1) kept[i] = kept[i - 1]
        return prepare(frame).also { kept[0] = it }
    }

    private fun prepare(frame: Frame): Prepared {
        val form = Form(frame, ignoreExif)
        val placement = place(spec, form.uprightHeight, form.uprightWidth)
        val view = View(form.uprightHeight, form.uprightWidth, placement)
        return Prepared(form, view, plan(placement) { columns -> Sampler(form, frame, spec.color, columns) })
    }

    private fun plan(placement: Placement, source: (IntArray) -> Sampler): Plan {
        val (down, across) = placement
        val channels = spec.color.channels
        val pillow = spec.resize.semantics == Semantics.PILLOW
        val kernel = spec.resize.kernel
        return when {
            placement.unscaled && (pillow || kernel != Kernel.LANCZOS) ->
                Pick(source(positions(across.first + across.skipped, across.shown)), positions(down.first + down.skipped, down.shown))
            kernel == Kernel.NEAREST && pillow -> Pick(source(pillowNearest(across)), pillowNearest(down))
            kernel == Kernel.NEAREST -> Pick(source(tfNearest(across)), tfNearest(down))
            pillow -> PillowPlan(source, kernel, placement, channels)
            kernel == Kernel.BILINEAR -> BilinearPlan(source, placement, channels)
            kernel == Kernel.BICUBIC -> RowsFirstPlan(source, placement, tfBicubic(down), tfBicubic(across), channels)
            kernel == Kernel.LANCZOS -> RowsFirstPlan(source, placement, tfLanczos(down), tfLanczos(across), channels)
            else -> BoxPlan(source, placement, channels)
        }
    }

    private class Prepared(val form: Form, val view: View, val plan: Plan)

    private companion object {
        const val FORMS = 4
    }
}
