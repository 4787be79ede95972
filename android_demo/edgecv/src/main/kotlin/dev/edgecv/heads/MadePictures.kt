package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.LiveAnswer
import dev.edgecv.LivePicture
import dev.edgecv.Pixels
import dev.edgecv.Top
import dev.edgecv.View
import dev.edgecv.preprocess.Axis

private const val AXES = 4 // batch, height, width, channels
private const val WHITE = 255.0

/** A picture that the model makes, without what a fit has padded. */
internal class MadePictures(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    private val decoder = form.spec.decode as Pixels
    private val tall = form.shapes[0][1]
    private val wide = form.shapes[0][2]
    private val channels = if (form.shapes[0].size == AXES) form.shapes[0].last() else 1

    override val decides: Boolean get() = false

    override fun answer(): LivePicture = LivePicture(spec, channels)

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        checkFinite(outputs)
        make(outputs[place], view, answer as LivePicture)
    }

    private fun make(values: FloatArray, view: View?, into: LivePicture) {
        val top = if (view == null) 0 else first(view.placement.down, tall, form.picture.height)
        val left = if (view == null) 0 else first(view.placement.across, wide, form.picture.width)
        val bottom = if (view == null) tall else last(view.placement.down, tall, form.picture.height, top)
        val right = if (view == null) wide else last(view.placement.across, wide, form.picture.width, left)
        into.resize(bottom - top, right - left)
        var to = 0
        for (y in top until bottom) {
            for (at in (y * wide + left) * channels until (y * wide + right) * channels) into.pixels[to++] = pixel(values[at])
        }
    }

    private fun pixel(value: Float): Byte {
        val shade = Math.rint((value - decoder.low) * WHITE / (decoder.high - decoder.low))
        return maxOf(0.0, minOf(shade, WHITE)).toInt().toByte()
    }

    /** Where the part of the output begins that shows the picture, rounded half up. */
    private fun first(axis: Axis, length: Int, canvas: Int): Int = minOf(edge(axis.at, length, canvas), length - 1)

    private fun last(axis: Axis, length: Int, canvas: Int, first: Int): Int = maxOf(edge(axis.at + axis.shown, length, canvas), first + 1)

    private fun edge(place: Int, length: Int, canvas: Int): Int =
        minOf(length.toLong(), (2L * place * length + canvas) / (2L * canvas)).toInt()

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded {
        val made = answer().also { make(outputs[place], view, it) }
        return Recorded.of(null, listOf(1, made.height, made.width, channels), made.pixels)
    }

    override fun comparison(): AnswerCounts = PictureCounts(spec.name) { outputs -> answer().also { make(outputs[place], null, it) }.pixels }

    companion object : PlaceType {
        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = MadePictures(form, places, activation)

        override fun decodes(form: HeadForm): Boolean = form.spec.decode is Pixels

        override fun checkDecoder(form: HeadForm) {
            super.checkDecoder(form)
            val shape = form.shapes[0]
            val isPicture = shape.size == AXES - 1 || shape.size == AXES && shape.last() in setOf(1, 3)
            if (form.shapes.size != 1 || !isPicture) form.refuse("an image head has one output of height, width and 1 or 3 channels")
            val decoder = form.spec.decode as Pixels
            if (decoder.high == decoder.low) form.refuse("the low and high of its decoder are equal")
        }

        override fun answerCount(form: HeadForm): Int = 0

        override fun shown(answer: Answer, most: Int): List<Top> = emptyList()
    }
}
