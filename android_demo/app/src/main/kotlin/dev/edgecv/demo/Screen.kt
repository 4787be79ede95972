package dev.edgecv.demo

/** What the live screen shows. */
sealed interface Screen {
    /** The bundle is read and its golden cases run. */
    data object Checking : Screen

    /** There is no bundle that can be used, or no runtime for it. */
    data class Unusable(val message: String, val hint: String?) : Screen

    /** The model takes tensors: no picture can be shown to it. */
    data object TakesTensors : Screen

    /** The camera may not be used; `forGood`: the system will not ask again. */
    data class NotAllowed(val forGood: Boolean) : Screen

    /** This device has no camera, or none that gives frames. */
    data object NoCamera : Screen

    /** The camera was there and is not any more. */
    data class CameraLost(val reason: String) : Screen

    /** The camera is being opened. */
    data object Opening : Screen

    /** Frames are coming and are answered. */
    data object Live : Screen
}

/** Whether there is a model to ask. */
sealed interface Model {
    data object Checking : Model

    data class Unusable(val message: String, val hint: String?) : Model

    data class Ready(val takesPictures: Boolean) : Model
}

/** Whether the camera may be used. */
enum class Permission { UNKNOWN, GRANTED, REFUSED, REFUSED_FOR_GOOD }

/** How the camera is. */
sealed interface Camera {
    data object Closed : Camera

    data object Missing : Camera

    data class Lost(val reason: String) : Camera

    data object Streaming : Camera
}

/** All that the live screen depends on; each change makes a new one, and [screen] follows from it alone. */
data class Facts(
    val model: Model = Model.Checking,
    val permission: Permission = Permission.UNKNOWN,
    val camera: Camera = Camera.Closed,
) {
    /** The first thing in the way, or the live picture. */
    val screen: Screen
        get() = when (model) {
            Model.Checking -> Screen.Checking
            is Model.Unusable -> Screen.Unusable(model.message, model.hint)
            is Model.Ready -> if (model.takesPictures) cameraScreen else Screen.TakesTensors
        }

    private val cameraScreen: Screen
        get() = when (permission) {
            Permission.REFUSED -> Screen.NotAllowed(forGood = false)
            Permission.REFUSED_FOR_GOOD -> Screen.NotAllowed(forGood = true)
            Permission.UNKNOWN -> Screen.Opening
            Permission.GRANTED -> when (camera) {
                Camera.Closed -> Screen.Opening
                Camera.Missing -> Screen.NoCamera
                is Camera.Lost -> Screen.CameraLost(camera.reason)
                Camera.Streaming -> Screen.Live
            }
        }
}
