package dev.edgecv.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import android.view.View

/** Draws boxes, masks, points and pictures over a picture that is shown whole in the middle of the same place. */
class MarksView(context: Context) : View(context) {
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        style = Paint.Style.STROKE
        strokeWidth = dp(THICK).toFloat()
    }
    private val fill = Paint(Paint.ANTI_ALIAS_FLAG)
    private val letters = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = Palette.BLACK
        textSize = dp(LETTERS).toFloat()
    }
    private val place = Matrix()
    private val bitmaps = ArrayList<Bitmap>() // of masks and pictures, kept from frame to frame
    private var marks: Marks? = null
    private var mirrored = false

    init {
        importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO // the same is said in words
    }

    /** Draw these, or nothing; `mirrored` as [PictureFit] means it. */
    fun show(marks: Marks?, mirrored: Boolean = false) {
        if (marks == null && this.marks == null) return
        this.marks = marks
        this.mirrored = mirrored
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        val shown = marks ?: return
        val fit = PictureFit(width, height, shown.width, shown.height, mirrored)
        shown.masks.forEachIndexed { number, mask -> lay(canvas, fit, mask, number) }
        for (mark in shown.lines.reversed()) draw(canvas, fit, mark)
        for (mark in shown.dots.reversed()) draw(canvas, fit, mark)
        for (mark in shown.boxes.reversed()) draw(canvas, fit, mark)
        shown.made.forEachIndexed { number, made -> corner(canvas, made, shown.masks.size + number, number) }
    }

    private fun lay(canvas: Canvas, fit: PictureFit, mask: Layer, number: Int) {
        val across = if (mirrored) -fit.scale else fit.scale
        place.setScale(across, fit.scale)
        place.postTranslate(fit.x(0f), fit.y(0f))
        canvas.drawBitmap(bitmap(mask, number), place, null)
    }

    /** A made picture in a corner of the view, a third of it wide or high at most. */
    private fun corner(canvas: Canvas, made: Layer, number: Int, before: Int) {
        val scale = minOf(width / made.width.toFloat(), height / made.height.toFloat()) / CORNER
        place.setScale(scale, scale)
        place.postTranslate(width - scale * made.width, scale * made.height * before)
        canvas.drawBitmap(bitmap(made, number), place, null)
    }

    private fun bitmap(layer: Layer, number: Int): Bitmap {
        val kept = bitmaps.getOrNull(number)?.takeIf { it.width == layer.width && it.height == layer.height }
        val bitmap = kept ?: Bitmap.createBitmap(layer.width, layer.height, Bitmap.Config.ARGB_8888)
        if (kept == null) if (number < bitmaps.size) bitmaps[number] = bitmap else bitmaps.add(bitmap)
        bitmap.setPixels(layer.pixels, 0, layer.width, 0, 0, layer.width, layer.height)
        return bitmap
    }

    private fun draw(canvas: Canvas, fit: PictureFit, mark: LineMark) {
        line.color = mark.color
        canvas.drawLine(fit.x(mark.x1), fit.y(mark.y1), fit.x(mark.x2), fit.y(mark.y2), line)
    }

    private fun draw(canvas: Canvas, fit: PictureFit, mark: DotMark) {
        fill.color = Palette.BLACK
        canvas.drawCircle(fit.x(mark.x), fit.y(mark.y), dp(DOT + 1).toFloat(), fill)
        fill.color = mark.color
        canvas.drawCircle(fit.x(mark.x), fit.y(mark.y), dp(DOT).toFloat(), fill)
    }

    private fun draw(canvas: Canvas, fit: PictureFit, mark: BoxMark) {
        val (one, other) = fit.x(mark.left) to fit.x(mark.right)
        val (left, right) = minOf(one, other) to maxOf(one, other)
        val top = fit.y(mark.top)
        line.color = mark.color
        canvas.drawRect(left, top, right, fit.y(mark.bottom), line)
        val high = LINE * letters.textSize
        val wide = letters.measureText(mark.text) + 2 * dp(THICK)
        val x = maxOf(0f, minOf(left, width - wide))
        val y = if (top >= high) top - high else minOf(top, height - high)
        fill.color = mark.color
        canvas.drawRect(x, y, x + wide, y + high, fill)
        canvas.drawText(mark.text, x + dp(THICK), y + letters.textSize, letters)
    }

    private fun dp(count: Int): Int = context.dp(count)

    private companion object {
        const val THICK = 2
        const val DOT = 4
        const val LETTERS = 14
        const val LINE = 1.3f // of the letters' height
        const val CORNER = 3
    }
}
