package dev.edgecv.demo

import android.app.Activity
import android.content.Context
import android.hardware.display.DisplayManager
import android.os.Build
import android.os.Handler
import android.os.Looper
import android.view.Display
import android.view.Surface

/** Degrees that the display is turned from the device's natural orientation. */
val Activity.displayRotation: Int
    get() = when (currentDisplay.rotation) {
        Surface.ROTATION_90 -> 90
        Surface.ROTATION_180 -> 180
        Surface.ROTATION_270 -> 270
        else -> 0
    }

private val Activity.currentDisplay: Display
    get() = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) newDisplay() else oldDisplay()

@Newer(30)
private fun Activity.newDisplay(): Display = checkNotNull(display)

@Suppress("DEPRECATION") // its successor is newer than minSdk
private fun Activity.oldDisplay(): Display = windowManager.defaultDisplay

/** Tells of every turn of the display. A half turn changes no configuration, so the activity alone would miss it. */
class DisplayWatch(context: Context, private val changed: () -> Unit) : DisplayManager.DisplayListener {
    private val displays = checkNotNull(context.getSystemService(DisplayManager::class.java))

    fun start() = displays.registerDisplayListener(this, Handler(Looper.getMainLooper()))

    fun stop() = displays.unregisterDisplayListener(this)

    override fun onDisplayChanged(id: Int) = changed()

    override fun onDisplayAdded(id: Int) = Unit

    override fun onDisplayRemoved(id: Int) = Unit
}
