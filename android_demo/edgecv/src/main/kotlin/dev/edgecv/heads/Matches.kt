package dev.edgecv.heads

import dev.edgecv.HeadComparison
import dev.edgecv.HeadSpec
import dev.edgecv.heads.boxes.FoundBoxes
import dev.edgecv.heads.boxes.overlap
import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min

private const val SAME_BOX = 0.5f // intersection over union from which on two boxes are of one object
private const val NEAR_LEVELS = 8 // of 256; pixels that differ by no more look the same
private const val EQUAL_DB = 100.0
private const val WHITE = 255.0

/**
 * Boxes of the source and of an artifact, matched one to one: the same label, and an overlap of at least 0.5. The agreement is 2 matched
 * / (boxes of the source + boxes of the artifact), over all samples; 1 without any box.
 *
 * @param find gives the boxes of one sample.
 */
internal class BoxCounts(private val spec: HeadSpec, private val find: (List<FloatArray>) -> FoundBoxes) : AnswerCounts {
    private var matched = 0
    private var boxes = 0
    private val given = LabelsGiven(spec)

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val wanted = find(reference)
        val got = find(candidate)
        val pairs = matches(wanted, got).size
        val all = wanted.count + got.count
        matched += pairs
        boxes += all
        given.add(wanted.labels.take(wanted.count).toSet(), got.labels.take(got.count).toSet())
        return if (all == 0) 1.0 else 2.0 * pairs / all
    }

    override fun result(): HeadComparison =
        HeadComparison(spec.name, if (boxes == 0) 1.0 else 2.0 * matched / boxes, given.never())
}

/** The boxes of one object: each of `wanted`, best first, takes the free one that overlaps it most, the first of equal ones. */
internal fun matches(wanted: FoundBoxes, got: FoundBoxes): List<Pair<Int, Int>> {
    val taken = BooleanArray(got.count)
    return (0 until wanted.count).mapNotNull { place ->
        val free = (0 until got.count).filter { !taken[it] && got.labels[it] == wanted.labels[place] }
        val best = free.maxByOrNull { overlap(wanted.corners, place, got.corners, it) }
        val pair = best?.takeIf { overlap(wanted.corners, place, got.corners, it) >= SAME_BOX }?.let { place to it }
        if (pair != null) taken[pair.second] = true
        pair
    }
}

/**
 * Pixels of masks: how many have the same class, and the mean intersection over union of the classes that either has.
 *
 * @param masks gives the classes of one sample.
 */
internal class MaskCounts(private val spec: HeadSpec, classes: Int, private val masks: (List<FloatArray>) -> ByteArray) : AnswerCounts {
    private var equal = 0L
    private var count = 0L
    private val common = LongArray(classes)
    private val either = LongArray(classes)
    private val given = LabelsGiven(spec)

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val wanted = masks(reference)
        val got = masks(candidate)
        var same = 0
        for (i in wanted.indices) {
            val ours = wanted[i].toInt() and 255
            val theirs = got[i].toInt() and 255
            either[ours] += 1L
            if (ours == theirs) {
                same += 1
                common[ours] += 1L
            } else {
                either[theirs] += 1L
            }
        }
        equal += same
        count += wanted.size
        given.add(wanted.map { it.toInt() and 255 }.toSet(), got.map { it.toInt() and 255 }.toSet())
        return same.toDouble() / wanted.size
    }

    override fun result(): HeadComparison {
        val seen = either.indices.filter { either[it] > 0 }
        val overlap = if (seen.isEmpty()) 1.0 else seen.sumOf { common[it].toDouble() / either[it] } / seen.size
        return HeadComparison(spec.name, equal.toDouble() / max(1L, count), given.never(), mapOf("mean_iou" to overlap))
    }
}

/**
 * Parts of answers that are near the source's, such as points: their share over all samples.
 *
 * @param near gives for each part of one sample how near it is, in 0..1.
 */
internal class ShareCounts(
    private val head: String,
    private val near: (List<FloatArray>, List<FloatArray>) -> DoubleArray,
) : AnswerCounts {
    private var sum = 0.0
    private var count = 0L

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val shares = near(reference, candidate)
        sum += shares.sum()
        count += shares.size
        return shares.average()
    }

    override fun result(): HeadComparison = HeadComparison(head, sum / max(1L, count))
}

/**
 * Pictures of the source and of an artifact: their peak signal-to-noise ratio, and the share of values within 8 of the source's 0..255.
 *
 * @param pictures gives the bytes of one sample's picture.
 */
internal class PictureCounts(private val head: String, private val pictures: (List<FloatArray>) -> ByteArray) : AnswerCounts {
    private var near = 0L
    private var count = 0L
    private var squares = 0.0

    override fun add(reference: List<FloatArray>, candidate: List<FloatArray>): Double {
        val wanted = pictures(reference)
        val got = pictures(candidate)
        var close = 0
        for (i in wanted.indices) {
            val error = (got[i].toInt() and 255) - (wanted[i].toInt() and 255)
            if (abs(error) <= NEAR_LEVELS) close += 1
            squares += error.toDouble() * error
        }
        near += close
        count += wanted.size
        return close.toDouble() / wanted.size
    }

    override fun result(): HeadComparison {
        val ratio = if (squares == 0.0) EQUAL_DB else min(EQUAL_DB, 10 * log10(WHITE * WHITE * count / squares))
        return HeadComparison(head, near.toDouble() / max(1L, count), emptyList(), mapOf("psnr_db" to ratio))
    }
}
