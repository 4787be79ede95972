package dev.edgecv.heads

import dev.edgecv.Activation
import dev.edgecv.Answer
import dev.edgecv.BoxDecoder
import dev.edgecv.Centers
import dev.edgecv.LiveAnswer
import dev.edgecv.LiveBoxes
import dev.edgecv.Top
import dev.edgecv.View
import dev.edgecv.heads.boxes.BoxForms
import dev.edgecv.heads.boxes.BoxRules
import dev.edgecv.heads.boxes.CORNERS
import dev.edgecv.heads.boxes.Candidates
import dev.edgecv.heads.boxes.Cells
import dev.edgecv.heads.boxes.FoundBoxes
import dev.edgecv.heads.boxes.allLevels
import dev.edgecv.heads.boxes.allNumbers
import dev.edgecv.heads.boxes.numberedCount
import dev.edgecv.heads.boxes.overlap

/** Labels with a score and a box each, in the pixels of the picture. */
internal class Detection(form: HeadForm, places: IntArray, activation: Activation) : Head(form, places, activation) {
    private val decoder = form.spec.decode as BoxDecoder
    private val scores = RowReader(decoder.scores, form, places)
    private val boxes = RowReader(decoder.boxes, form, places)
    private val offsets = (decoder as? Centers)?.offsets?.takeIf { it.isNotEmpty() }?.let { RowReader(it, form, places) }
    private val cells = Cells(decoder.allLevels)
    private val objectness = decoder.objectness.takeIf { it.isNotEmpty() }?.let { RowReader(it, form, places) }
    private val classes = decoder.numberedCount ?: scores.count
    private val numbers = decoder.allNumbers.takeIf { it.isNotEmpty() }?.let { RowReader(it, form, places) }
    private val best = Candidates(decoder, activation, scores, objectness, numbers, thresholds(), cells)
    private val forms = BoxForms(decoder, cells, form.picture)
    private val sides = FloatArray(boxes.count)
    private val inner = offsets?.let { FloatArray(it.count) }
    private val most = minOf(decoder.most, decoder.before, scores.rows * classes)
    private val limit = decoder.overlap?.toFloat()
    private val found = FoundBoxes(most)
    private val whole = View.whole(form.picture.height, form.picture.width)

    override val decides: Boolean get() = false

    /** One for each class; NaN for the background. */
    private fun thresholds(): FloatArray {
        val given = form.spec.thresholds
        val background = decoder.background ?: classes
        return FloatArray(classes) { column ->
            val label = if (column > background) column - 1 else column
            if (column == background) Float.NaN else given[label % given.size].toFloat()
        }
    }

    override fun answer(): LiveBoxes = LiveBoxes(spec, most)

    override fun read(outputs: List<FloatArray>, answer: LiveAnswer, view: View?) {
        checkFinite(outputs)
        find(outputs, found)
        place(found, view ?: whole, answer as LiveBoxes)
    }

    /** Fill `into` with the boxes of one sample in the pixels of the model's input. */
    private fun find(outputs: List<FloatArray>, into: FoundBoxes) {
        into.count = 0
        best.find(outputs)
        var place = 0
        while (place < best.count && into.count < most) {
            decode(outputs, best.row(place))
            if (store(into) && !isSuppressed(into, best.label(place))) into.keep(best.label(place), best.score(place), best.row(place))
            place += 1
        }
        val background = decoder.background ?: return
        for (i in 0 until into.count) if (into.labels[i] > background) into.labels[i] -= 1
    }

    private fun decode(outputs: List<FloatArray>, row: Int) {
        if (cells.levels > 0) cells.seek(row)
        boxes.read(outputs, row, sides)
        if (offsets != null && inner != null) offsets.read(outputs, row, inner)
        forms.decode(sides, inner)
    }

    /** Write the decoded box behind the last one of `into`; false where it is none. */
    private fun store(into: FoundBoxes): Boolean {
        val at = CORNERS * into.count
        for (i in 0 until CORNERS) {
            val side = forms.corners[i].toFloat()
            if (side.isNaN() || side.isInfinite()) return false
            into.corners[at + i] = side
        }
        return into.corners[at + 2] > into.corners[at] && into.corners[at + 3] > into.corners[at + 1]
    }

    /** Says whether a better box overlaps the one behind the last by too much. */
    private fun isSuppressed(into: FoundBoxes, label: Int): Boolean {
        if (limit == null) return false
        for (kept in 0 until into.count) {
            val meets = decoder.agnostic || into.labels[kept] == label
            if (meets && overlap(into.corners, kept, into.corners, into.count) > limit) return true
        }
        return false
    }

    /** Bring boxes to the picture, cut at its borders; those outside are left out. */
    private fun place(from: FoundBoxes, view: View, into: LiveBoxes) {
        into.clear()
        for (i in 0 until from.count) {
            val at = CORNERS * i
            val left = clip(view.x(from.corners[at].toDouble()), view.width)
            val top = clip(view.y(from.corners[at + 1].toDouble()), view.height)
            val right = clip(view.x(from.corners[at + 2].toDouble()), view.width)
            val bottom = clip(view.y(from.corners[at + 3].toDouble()), view.height)
            if (right > left && bottom > top) into.add(from.labels[i], from.scores[i], left, top, right, bottom)
        }
    }

    private fun clip(place: Double, end: Int): Float = (if (place > 0) minOf(place, end.toDouble()) else 0.0).toFloat()

    /** The boxes of one sample in the pixels of the model's input. */
    private fun found(outputs: List<FloatArray>): FoundBoxes = FoundBoxes(most).also { find(outputs, it) }

    override fun recorded(outputs: List<FloatArray>, view: View?): Recorded {
        val placed = answer().also { place(found(outputs), view ?: whole, it) }
        val rows = FloatArray(placed.count * (CORNERS + 1)) {
            val (box, part) = it / (CORNERS + 1) to it % (CORNERS + 1)
            if (part == CORNERS) placed.scores[box] else placed.boxes[CORNERS * box + part]
        }
        return Recorded.of(placed.indices.take(placed.count), listOf(1, placed.count, CORNERS + 1), rows)
    }

    override fun comparison(): AnswerCounts = BoxCounts(spec, ::found)

    override val sorts: Boolean get() = numbers != null

    override fun paired(reference: List<FloatArray>, candidate: List<FloatArray>): List<PairedRow> {
        val given = listOf(decoder.boxes, decoder.scores, decoder.objectness, decoder.allNumbers)
        val parts = given.filter { it.isNotEmpty() }.sortedBy { it[0].first }
        val byOutput = parts.groupBy { places[spec.outputs.indexOf(it[0].output)] }
            .mapValues { (_, columns) -> columns.map { RowReader(it, form, places) } }
        val wanted = found(reference)
        val got = found(candidate)
        return matches(wanted, got).flatMap { (ours, theirs) ->
            byOutput.map { (place, readers) ->
                PairedRow(place, row(readers, reference, wanted.rows[ours]), row(readers, candidate, got.rows[theirs]))
            }
        }
    }

    private fun row(readers: List<RowReader>, outputs: List<FloatArray>, row: Int) =
        readers.flatMap { reader -> List(reader.count) { reader.number(outputs, row, it) } }.toFloatArray()

    companion object : PlaceType {
        override val decidesByThreshold: Boolean get() = true

        override fun open(form: HeadForm, places: IntArray, activation: Activation): Head = Detection(form, places, activation)

        override fun decodes(form: HeadForm): Boolean = form.spec.decode is BoxDecoder

        override fun checkDecoder(form: HeadForm) {
            super.checkDecoder(form)
            BoxRules(form, form.spec.decode as BoxDecoder).check()
        }

        /** The number of classes, without the background. */
        override fun answerCount(form: HeadForm): Int {
            val decoder = form.spec.decode as BoxDecoder
            val classes = decoder.numberedCount ?: rowForm(decoder.scores, form, "scores").count
            return classes - (if (decoder.background == null) 0 else 1)
        }

        override fun shown(answer: Answer, most: Int): List<Top> = answer.top(most)
    }
}
