package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.HeadSpec
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
    ;

    /** The name as in `bundle.json`. */
    public val title: String = name.lowercase()

    /** True if scores are shares of 1, which people read in percent; else they are values in the head's unit. */
    public val hasShares: Boolean get() = type.hasShares
}

/** The facts that all heads of one kind have in common. */
internal interface HeadType {
    /** True if scores are compared with thresholds: then a head has one, or one a label, else none. */
    val decidesByThreshold: Boolean get() = false

    /** True if labels, where a head has some, must be as many as its answers. */
    val labelsEveryAnswer: Boolean get() = true

    /** See [HeadKind.hasShares]. */
    val hasShares: Boolean get() = true

    /** Make the head of an artifact; the parameters are [Head]'s. */
    fun open(spec: HeadSpec, place: Int, activation: Activation): Head

    /** See [Answer.shown]. */
    fun shown(answer: Answer, most: Int): List<Top>
}
