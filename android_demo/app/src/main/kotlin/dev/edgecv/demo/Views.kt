package dev.edgecv.demo

import android.app.Activity
import android.content.Context
import android.content.res.Configuration
import android.os.Build
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.view.WindowInsets
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView

/** Text that grows with the system's font size. */
fun Context.text(sp: Float): TextView = TextView(this).apply {
    textSize = sp // TextView's unit is sp
    setPadding(dp(12), dp(4), dp(12), dp(4))
}

/** A button that is told by its words. */
fun Context.button(words: String, action: () -> Unit): Button = Button(this).apply {
    text = words
    setOnClickListener { action() }
}

/** Views below each other; those with weight 1 share what is left. */
fun Context.column(vararg views: Pair<View, Float>): LinearLayout = LinearLayout(this).apply {
    orientation = LinearLayout.VERTICAL
    for ((view, weight) in views) {
        addView(view, LinearLayout.LayoutParams(MATCH_PARENT, if (weight > 0) 0 else WRAP_CONTENT, weight))
    }
}

/** Two views: below each other where the screen is high, side by side where it is wide. */
class Sides(context: Context, private val first: View, private val second: View) : LinearLayout(context) {
    init {
        addView(first)
        addView(second)
        arrange(context.resources.configuration)
    }

    /** Follow the screen; in height the second takes what it needs. */
    fun arrange(configuration: Configuration) {
        val wide = configuration.orientation == Configuration.ORIENTATION_LANDSCAPE
        orientation = if (wide) HORIZONTAL else VERTICAL
        first.layoutParams = if (wide) LayoutParams(0, MATCH_PARENT, 1f) else LayoutParams(MATCH_PARENT, 0, 1f)
        second.layoutParams = if (wide) LayoutParams(0, MATCH_PARENT, 1f) else LayoutParams(MATCH_PARENT, WRAP_CONTENT)
    }
}

/** Views side by side, of one width. */
fun Context.row(vararg views: View): LinearLayout = LinearLayout(this).apply {
    orientation = LinearLayout.HORIZONTAL
    for (view in views) addView(view, LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f))
}

/** The theme's background, light or dark. */
fun Context.backgroundColor(): Int {
    val found = obtainStyledAttributes(intArrayOf(android.R.attr.colorBackground))
    return found.getColor(0, 0).also { found.recycle() }
}

/** Density-independent pixels. */
fun Context.dp(count: Int): Int = (count * resources.displayMetrics.density).toInt()

/** Show a view, clear of the system's bars and the camera's hole: since Android 15 apps draw behind them. */
fun Activity.show(root: View) {
    root.setOnApplyWindowInsetsListener { view, insets ->
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) view.padBy(insets) else view.padByOld(insets)
        insets
    }
    setContentView(root)
}

@Newer(30)
private fun View.padBy(insets: WindowInsets) {
    val bars = insets.getInsets(WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout())
    setPadding(bars.left, bars.top, bars.right, bars.bottom)
}

@Suppress("DEPRECATION") // their successors are newer than minSdk
private fun View.padByOld(insets: WindowInsets) = setPadding(
    insets.systemWindowInsetLeft,
    insets.systemWindowInsetTop,
    insets.systemWindowInsetRight,
    insets.systemWindowInsetBottom,
)

/** Change a text only where it differs, so that screen readers are not told the same again. */
fun TextView.say(words: String) {
    if (text.toString() != words) text = words
    visibility = if (words.isEmpty()) View.GONE else View.VISIBLE
}
