package dev.edgecv

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonClassDiscriminator

/** Where the channels of an output stand: on its last axis, or on the second after the batch. */
@Serializable
public enum class ChannelAxis {
    @SerialName("last") LAST,
    @SerialName("second") SECOND,
}

/**
 * Some columns of an output, whose values are read as rows: one row for each box, point or cell.
 *
 * @property first the first of the columns that are taken.
 * @property count how many are taken; null: all to the last one.
 * @property width how many values a row has; null: those of the whole channel axis.
 */
@Serializable
public data class Columns(
    val output: String,
    val first: Int = 0,
    val count: Int? = null,
    val width: Int? = null,
    val channels: ChannelAxis = ChannelAxis.LAST,
)

/**
 * The cells of one map of features.
 *
 * @property grid its rows and columns.
 * @property stride how large a cell is in pixels: down, across.
 * @property sizes the (width, height) in pixels of the boxes that each cell proposes; without any it has one place.
 */
@Serializable
public data class Level(val grid: List<Int>, val stride: List<Double>, val sizes: List<List<Double>> = emptyList())

/** The classes of a box that are answers: all that reach their threshold, or the best one alone. */
@Serializable
public enum class BoxClasses {
    @SerialName("all") ALL,
    @SerialName("best") BEST,
}

/** The meaning of the four numbers of a box. */
@Serializable
public enum class BoxOrder {
    @SerialName("xyxy") XYXY,
    @SerialName("yxyx") YXYX,
    @SerialName("xywh") XYWH,
    @SerialName("cxcywh") CXCYWH,
}

/** The unit of places: pixels of the model's input, or parts of its width and height. */
@Serializable
public enum class PlaceUnit {
    @SerialName("pixels") PIXELS,
    @SerialName("relative") RELATIVE,
}

/** The order of a box's offsets: x before y, or y before x. */
@Serializable
public enum class OffsetOrder {
    @SerialName("xywh") XYWH,
    @SerialName("yxhw") YXHW,
}

/** The way in which a number makes a box larger than its anchor: its exponential, or the square of twice its sigmoid. */
@Serializable
public enum class Growth {
    @SerialName("exp") EXP,
    @SerialName("square") SQUARE,
}

/** The resampling of planes to the pixels of a picture. */
@Serializable
public enum class PlaneKernel {
    @SerialName("nearest") NEAREST,
    @SerialName("bilinear") BILINEAR,
}

/** The order of a point's coordinates. */
@Serializable
public enum class PointOrder {
    @SerialName("xy") XY,
    @SerialName("yx") YX,
}

/** The way from a head's outputs to boxes, a mask, points or a picture, operation by operation as docs/decoding.md says. */
@OptIn(ExperimentalSerializationApi::class)
@Serializable
@JsonClassDiscriminator("form")
public sealed interface Decoder

/** The part that decoders of boxes share: where scores and boxes stand, and which boxes are answers. */
@Serializable
public sealed interface BoxDecoder : Decoder {
    /** Columns with a value for each class, rows in the order of the boxes; several are one after the other. */
    public val scores: List<Columns>

    /** Columns with the numbers of each box. */
    public val boxes: List<Columns>

    /** Columns with one value a box, by which its scores are multiplied. */
    public val objectness: List<Columns>

    /** The class that stands for nothing, which has no label. */
    public val background: Int?

    /** The classes of a box that are answers. */
    public val classes: BoxClasses

    /** A box that overlaps a better one by more (intersection over union) is left out; null keeps all. */
    public val overlap: Double?

    /** Whether boxes of different classes suppress each other. */
    public val agnostic: Boolean

    /** The number of best answers that are looked at. */
    public val before: Int

    /** The number of answers to a picture at most. */
    public val most: Int
}

/**
 * Boxes that the model decodes itself: their corners, or corner and size, or centre and size.
 *
 * @property numbers columns with the number of each box's class, from detectors that finish the work: then scores are one a box.
 * @property classCount how many classes there are, the background among them, where they are numbered.
 */
@Serializable
@SerialName("boxes")
public data class Decoded(
    override val scores: List<Columns>,
    override val boxes: List<Columns>,
    override val objectness: List<Columns> = emptyList(),
    override val background: Int? = null,
    override val classes: BoxClasses = BoxClasses.ALL,
    override val overlap: Double? = 0.5,
    override val agnostic: Boolean = false,
    override val before: Int = 1000,
    override val most: Int = 100,
    val numbers: List<Columns> = emptyList(),
    @SerialName("class_count") val classCount: Int? = null,
    val order: BoxOrder = BoxOrder.XYXY,
    val unit: PlaceUnit = PlaceUnit.PIXELS,
) : BoxDecoder

/**
 * Offsets from anchor boxes, as SSD and RetinaNet have them.
 *
 * @property variances what the offsets of x, y, width and height are multiplied by.
 * @property centre where in its cell the centre of an anchor is, in strides.
 * @property largest the most that a logarithm of a size may be.
 */
@Serializable
@SerialName("ssd")
public data class Offsets(
    override val scores: List<Columns>,
    override val boxes: List<Columns>,
    override val objectness: List<Columns> = emptyList(),
    override val background: Int? = null,
    override val classes: BoxClasses = BoxClasses.ALL,
    override val overlap: Double? = 0.5,
    override val agnostic: Boolean = false,
    override val before: Int = 1000,
    override val most: Int = 100,
    val levels: List<Level>,
    val order: OffsetOrder = OffsetOrder.XYWH,
    val variances: List<Double> = listOf(0.1, 0.1, 0.2, 0.2),
    val centre: Double = 0.5,
    val largest: Double? = null,
) : BoxDecoder

/**
 * Distances from each cell's centre to left, top, right and bottom, in strides, as FCOS and YOLOv8 have them.
 *
 * @property bins over 1 each distance is the mean of 0 to bins - 1 by the softmax of so many values.
 */
@Serializable
@SerialName("grid")
public data class Distances(
    override val scores: List<Columns>,
    override val boxes: List<Columns>,
    override val objectness: List<Columns> = emptyList(),
    override val background: Int? = null,
    override val classes: BoxClasses = BoxClasses.ALL,
    override val overlap: Double? = 0.5,
    override val agnostic: Boolean = false,
    override val before: Int = 1000,
    override val most: Int = 100,
    val levels: List<Level>,
    val bins: Int = 1,
    val centre: Double = 0.5,
) : BoxDecoder

/**
 * Offsets by a sigmoid inside a cell and sizes relative to anchors, as YOLOv3, v4 and v5 have them.
 *
 * @property stretch widens the sigmoid around its middle.
 */
@Serializable
@SerialName("anchors")
public data class Anchors(
    override val scores: List<Columns>,
    override val boxes: List<Columns>,
    override val objectness: List<Columns> = emptyList(),
    override val background: Int? = null,
    override val classes: BoxClasses = BoxClasses.ALL,
    override val overlap: Double? = 0.5,
    override val agnostic: Boolean = false,
    override val before: Int = 1000,
    override val most: Int = 100,
    val levels: List<Level>,
    val stretch: Double = 1.0,
    val growth: Growth = Growth.EXP,
) : BoxDecoder

/**
 * Peaks of a heat map for each class, with a size and an offset at each cell, as CenterNet has them.
 *
 * @property offsets the (x, y) from the cell's corner to the centre, in cells as width and height are.
 * @property window a peak is the largest value of so many rows and columns of cells around it.
 */
@Serializable
@SerialName("center")
public data class Centers(
    override val scores: List<Columns>,
    override val boxes: List<Columns>,
    override val objectness: List<Columns> = emptyList(),
    override val background: Int? = null,
    override val classes: BoxClasses = BoxClasses.ALL,
    override val overlap: Double? = 0.5,
    override val agnostic: Boolean = false,
    override val before: Int = 1000,
    override val most: Int = 100,
    val levels: List<Level>,
    val offsets: List<Columns> = emptyList(),
    val window: Int = 3,
) : BoxDecoder

/** A plane of values for each class, (height, width, classes), resampled to the picture: its largest one holds; one plane alone is a probability. */
@Serializable
@SerialName("planes")
public data class Planes(val kernel: PlaneKernel = PlaneKernel.BILINEAR) : Decoder

/** The part that decoders of points share. */
@Serializable
public sealed interface PointDecoder : Decoder {
    /** The pairs of points between which lines are drawn. */
    public val skeleton: List<List<Int>>
}

/** Coordinates of points: [points] has two columns, [scores] one, rows in the order of the labels. */
@Serializable
@SerialName("coordinates")
public data class Coordinates(
    val points: Columns,
    val scores: Columns? = null,
    val order: PointOrder = PointOrder.XY,
    val unit: PlaceUnit = PlaceUnit.PIXELS,
    override val skeleton: List<List<Int>> = emptyList(),
) : PointDecoder

/**
 * A map for each point, (height, width, points): the place of its largest value.
 *
 * @property centre where in its cell a point lies.
 */
@Serializable
@SerialName("heatmaps")
public data class Heatmaps(val centre: Double = 0.5, override val skeleton: List<List<Int>> = emptyList()) : PointDecoder

/** A picture, (height, width, 1 or 3 channels): [low] is black and [high] white. */
@Serializable
@SerialName("pixels")
public data class Pixels(val low: Double = 0.0, val high: Double = 1.0) : Decoder
