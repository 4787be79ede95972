package dev.edgecv.demo

import android.content.Context
import android.graphics.Matrix
import android.graphics.SurfaceTexture
import android.view.Surface
import android.view.TextureView

/** Shows a camera's frames whole, upright and undistorted, whichever way the device is held. */
class Preview(context: Context, private val changed: () -> Unit) : TextureView(context), TextureView.SurfaceTextureListener {
    private var surface: Surface? = null
    private var choice: CameraChoice? = null
    private var display = 0

    init {
        surfaceTextureListener = this
        contentDescription = Words.PICTURE_OF_CAMERA
    }

    /** Where the camera draws frames of this size; null while the view has no surface. */
    fun surfaceFor(choice: CameraChoice): Surface? {
        val texture = surfaceTexture ?: return null
        texture.setDefaultBufferSize(choice.frame.width, choice.frame.height)
        this.choice = choice
        surface?.release()
        return Surface(texture).also {
            surface = it
            turn(display)
        }
    }

    /** The display was turned to so many degrees. */
    fun turn(display: Int) {
        this.display = display
        val camera = choice ?: return
        if (width == 0 || height == 0) return
        val fit = fitPreview(width, height, camera.frame, camera.sensor, display)
        val (x, y) = width / 2f to height / 2f
        val matrix = Matrix()
        matrix.setScale(fit.scaleX, fit.scaleY, x, y)
        matrix.postRotate(fit.degrees, x, y)
        matrix.postScale(fit.zoom, fit.zoom, x, y)
        setTransform(matrix)
    }

    override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) = changed()

    override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) = turn(display)

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture): Boolean {
        surface?.release()
        surface = null
        return true
    }

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit
}
