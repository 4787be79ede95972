package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.Top
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable

/** The kinds of heads that this library answers for; each is a file of this package. */
@Serializable
public enum class HeadKind(internal val type: HeadType) {
    /** One of n classes. */
    @SerialName("classification") CLASSIFICATION(Classification),

    /** Yes or no, from one value. */
    @SerialName("binary") BINARY(Binary),

    /** Any of n labels. */
    @SerialName("multilabel") MULTILABEL(Multilabel),

    /** Values that mean themselves. */
    @SerialName("regression") REGRESSION(Regression),

    /** Labels with a box in the picture. */
    @SerialName("detection") DETECTION(Detection),

    /** A class for each pixel of the picture. */
    @SerialName("segmentation") SEGMENTATION(Segmentation),

    /** Points in the picture. */
    @SerialName("keypoints") KEYPOINTS(Keypoints),

    /** A picture. */
    @SerialName("image") IMAGE(MadePictures),

    /** A unit vector. */
    @SerialName("embedding") EMBEDDING(Embedding),
    ;

    /** The name as in `bundle.json`. */
    public val title: String = name.lowercase()

    /** True if scores are shares of 1, which people read in percent; else they are values in the head's unit. */
    public val hasShares: Boolean get() = type.hasShares
}

/** The facts that all heads of one kind have in common, and the rules that their records keep. */
internal interface HeadType {
    /** True if scores are compared with thresholds: then a head has one, or one a label, else none. */
    val decidesByThreshold: Boolean get() = false

    /** See [HeadKind.hasShares]. */
    val hasShares: Boolean get() = true

    /** Make the head of an artifact; the parameters are [Head]'s. */
    fun open(form: HeadForm, places: IntArray, activation: Activation): Head

    /** See [Answer.shown]. */
    fun shown(answer: Answer, most: Int): List<Top>

    /** @throws dev.edgecv.SpecException the decoder is none of this kind's, or does not fit the outputs. */
    fun checkDecoder(form: HeadForm) {
        if (form.spec.outputs.size != 1) form.refuse("the kind ${form.spec.kind.title} has one output, got ${form.spec.outputs.size}")
        if (form.spec.decode != null) form.refuse("the kind ${form.spec.kind.title} has no decoder")
    }

    /** How many labels with a threshold of their own a head has. */
    fun answerCount(form: HeadForm): Int = form.width

    /** @throws dev.edgecv.SpecException there are not as many thresholds as the kind takes, or one is not in 0..1. */
    fun checkThresholds(form: HeadForm) {
        val thresholds = form.spec.thresholds
        if (!decidesByThreshold) {
            if (thresholds.isNotEmpty()) form.refuse("the kind ${form.spec.kind.title} has no thresholds, got $thresholds")
            return
        }
        if (thresholds.isEmpty() || thresholds.any { it < 0 || it > 1 }) form.refuse("thresholds must be in 0..1, got $thresholds")
        val answers = answerCount(form)
        if (thresholds.size != 1 && thresholds.size != answers) {
            form.refuse("thresholds must be one, or one for each of $answers labels, got ${thresholds.size}")
        }
    }

    /** @throws dev.edgecv.SpecException `count` labels are not as many as the head's answers. */
    fun checkLabels(form: HeadForm, count: Int) {
        val answers = form.width
        val fits = count == maxOf(answers, 2) || count == form.shapes[0].last()
        if (!fits && !(answers == 1 && count == 1)) form.refuse("it has $count labels for $answers answers")
    }
}

/** The rules of the kinds whose answers lie in the picture, or are one. */
internal interface PlaceType : HeadType {
    /** @throws dev.edgecv.SpecException there is no decoder of the kind's, or the model takes no picture. */
    override fun checkDecoder(form: HeadForm) {
        if (form.spec.decode == null) form.refuse("the kind ${form.spec.kind.title} needs a decoder")
        if (!decodes(form)) form.refuse("the kind ${form.spec.kind.title} has no decoder of this form")
        form.picture
    }

    /** Says whether the record's decoder is one of this kind's. */
    fun decodes(form: HeadForm): Boolean

    override fun checkLabels(form: HeadForm, count: Int) {
        val classes = answerCount(form)
        if (count != classes) form.refuse("it has $count labels for $classes classes")
    }
}
