package dev.edgecv.demo

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.view.Surface
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/** A camera of the device, and the frames that it shall give. */
data class CameraChoice(val id: String, val sensor: Int, val front: Boolean, val frame: Size)

/** The first camera that looks away from the user and gives frames, else any other; null where there is none. */
fun chooseCamera(manager: CameraManager): CameraChoice? =
    manager.cameraIdList.mapNotNull { choiceOf(it, manager.getCameraCharacteristics(it)) }.minByOrNull { it.front }

private fun choiceOf(id: String, facts: CameraCharacteristics): CameraChoice? {
    val streams = facts.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP) ?: return null
    val shown = streams.getOutputSizes(SurfaceTexture::class.java).orEmpty().toSet()
    val frames = streams.getOutputSizes(ImageFormat.YUV_420_888).orEmpty().filter { it in shown }
    val frame = chooseFrame(frames.map { Size(it.width, it.height) }) ?: return null
    return CameraChoice(
        id = id,
        sensor = facts.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0,
        front = facts.get(CameraCharacteristics.LENS_FACING) == CameraCharacteristics.LENS_FACING_FRONT,
        frame = frame,
    )
}

/**
 * One camera from opening to closing.
 *
 * The latest frame wins: while one is being answered the camera overwrites the next. Every image is closed.
 *
 * @param handler the thread of all its work, which is not the one that opens and closes it.
 * @param onFrame is called on that thread; the image is closed when it returns.
 * @param onState is called on that thread: [Camera.Streaming], or [Camera.Lost] with the reason, once.
 */
class CameraSession(
    private val handler: Handler,
    private val choice: CameraChoice,
    private val preview: Surface,
    private val onFrame: (Image) -> Unit,
    private val onState: (Camera) -> Unit,
) : AutoCloseable {
    private val ended = CountDownLatch(1)
    private val reader = ImageReader.newInstance(choice.frame.width, choice.frame.height, ImageFormat.YUV_420_888, FRAMES)
    private var device: CameraDevice? = null
    private var opening = false
    private var closed = false // no more frames, no more words

    /** Begin; all that goes wrong is told to `onState`. The permission must have been given. */
    fun open(manager: CameraManager) {
        reader.setOnImageAvailableListener({ it.acquireLatestImage()?.use(onFrame) }, handler)
        handler.post { attempt { openDevice(manager) } }
    }

    @SuppressLint("MissingPermission") // a SecurityException is told as any other loss
    private fun openDevice(manager: CameraManager) {
        manager.openCamera(choice.id, DeviceCallback(), handler)
        opening = true
    }

    /** Give the camera back, and wait until it is given: one frame's time, or until the camera has opened. */
    override fun close() {
        handler.post {
            closed = true
            if (!opening) end()
        }
        ended.await(PATIENCE_MS, TimeUnit.MILLISECONDS)
    }

    private fun end() {
        device?.close()
        reader.close()
        ended.countDown()
    }

    /** The system answered; whether nobody waits for it any more. */
    private fun answered(camera: CameraDevice): Boolean {
        val late = opening && closed
        opening = false
        device = camera
        if (late) end()
        return late
    }

    private fun attempt(action: () -> Unit) = try {
        action()
    } catch (error: CameraAccessException) {
        lose(Words.cameraAccess(error.reason))
    } catch (error: SecurityException) {
        lose(Words.CAMERA_FORBIDDEN)
    } catch (error: IllegalArgumentException) { // a camera that was unplugged, or a surface that went away
        lose(error.message ?: Words.CAMERA_FAILED)
    } catch (error: IllegalStateException) {
        lose(error.message ?: Words.CAMERA_FAILED)
    }

    private fun lose(reason: String) {
        if (closed) return
        closed = true
        device?.close()
        onState(Camera.Lost(reason))
    }

    private inner class DeviceCallback : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (!answered(camera)) attempt { configure(camera) }
        }

        override fun onDisconnected(camera: CameraDevice) {
            if (!answered(camera)) lose(Words.CAMERA_TAKEN)
        }

        override fun onError(camera: CameraDevice, error: Int) {
            if (!answered(camera)) lose(Words.cameraError(error))
        }
    }

    @Suppress("DEPRECATION") // its successor is newer than minSdk
    private fun configure(camera: CameraDevice) =
        camera.createCaptureSession(listOf(preview, reader.surface), SessionCallback(camera), handler)

    private inner class SessionCallback(private val camera: CameraDevice) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            if (closed) return
            attempt {
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply {
                    addTarget(preview)
                    addTarget(reader.surface)
                    set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE)
                }
                session.setRepeatingRequest(request.build(), null, handler)
                onState(Camera.Streaming)
            }
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = lose(Words.CAMERA_FAILED)
    }

    private companion object {
        const val FRAMES = 2 // one that is answered, one that the camera fills
        const val PATIENCE_MS = 3_000L // a camera service that hangs must not hang the app
    }
}

/** The device's cameras. */
val Context.cameras: CameraManager get() = checkNotNull(getSystemService(CameraManager::class.java))
