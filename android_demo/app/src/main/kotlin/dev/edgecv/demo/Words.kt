package dev.edgecv.demo

/**
 * All that the app says.
 *
 * In code and not in `strings.xml`, as its views are: so every source compiles without Android's resource compiler, and
 * is compiled in this project's tests. A product that is translated would keep them as resources.
 */
object Words {
    const val CHECKING = "Reading the bundle and running its golden cases on this device"
    const val OPENING = "Opening the camera"
    const val TAKES_TENSORS = "This model takes numbers, no pictures. Its golden cases and the benchmark work all the same."
    const val NOT_ALLOWED = "The camera may not be used. Frames stay on this device; without them there is nothing to answer."
    const val NOT_ALLOWED_FOR_GOOD = "The camera may not be used, and Android will not ask again. Allow it in this app's settings."
    const val NO_CAMERA = "This device has no camera that gives frames. Choose a photo instead."
    const val NO_LABEL_HOLDS = "none of its labels"
    const val NO_BUNDLE = "there is no bundle in this app"
    const val NO_BUNDLE_HINT = "Put one into its assets: edgecv export android BUNDLE PROJECT"

    const val CAMERA_FORBIDDEN = "The permission to use it was taken back."
    const val CAMERA_TAKEN = "Another app took it."
    const val CAMERA_FAILED = "It cannot show frames of this form."

    const val TRY_AGAIN = "Try again"
    const val ALLOW_CAMERA = "Allow the camera"
    const val OPEN_SETTINGS = "Open the settings"
    const val PHOTO = "Photo"
    const val BENCHMARK = "Benchmark"
    const val MODEL = "Model"
    const val CHOOSE_MODEL = "What shall answer?"
    const val CHOOSE_PHOTO = "Choose a photo"
    const val SHARE = "Share the result"
    const val SHARE_RESULT = "Share the benchmark's result"
    const val START = "Start"
    const val STOP = "Stop"

    const val PICTURE_OF_CAMERA = "What the camera sees"
    const val PICTURE_CHOSEN = "The photo that was chosen"
    const val NO_PICKER = "No app here can choose a photo."
    const val NO_MEMORY = "The photo is too large for this device's memory."
    const val READING_PHOTO = "Reading the photo"
    const val NO_STORAGE = "The storage for results cannot be reached. Is the device still starting, or a card missing?"
    const val MEASURING = "Measuring. Leave the app in front and the device alone; a warm device gets slow."
    const val STOPPED = "the benchmark was stopped on the device"
    const val STOPPED_HINT = "Leave the app in front until it has ended"
    const val BUSY = "another benchmark is running on the device"
    const val BUSY_HINT = "Wait until it has ended, or stop it there"
    const val HOT = "Android said that it slowed down because of heat"

    /** One of `Bundle.leftOut`. */
    fun leftOut(sentence: String): String = "Left out: $sentence."

    fun picture(width: Int, height: Int): String = "a picture of $width x $height"

    fun values(count: Int): String = "... ($count values)"

    fun cameraLost(reason: String): String = "The camera is gone. $reason"

    /** `CameraAccessException.getReason()`. */
    fun cameraAccess(reason: Int): String = when (reason) {
        1 -> "An administrator of this device has turned cameras off."
        2 -> "It is disconnected."
        4 -> "Another app uses it."
        5 -> "Other apps use as many cameras as this device can run."
        else -> "It reported an error."
    }

    /** The codes of `CameraDevice.StateCallback.onError`. */
    fun cameraError(code: Int): String = when (code) {
        1 -> "Another app uses it."
        2 -> "Other apps use as many cameras as this device can run."
        3 -> "An administrator of this device has turned cameras off."
        4 -> "It reported an error; closing other camera apps may help."
        else -> "Android's camera service failed; starting the device anew may help."
    }
}
