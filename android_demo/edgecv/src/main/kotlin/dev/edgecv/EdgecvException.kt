package dev.edgecv

/**
 * An error that a person can mend.
 *
 * @property hint what to do about it, or null.
 */
public sealed class EdgecvException(
    message: String,
    public val hint: String?,
    cause: Throwable?,
) : Exception(message, cause) {
    /** The error in words: one sentence without a period at its end. */
    override val message: String = message
}

/** A bundle is missing, damaged, unsafe, or from another version. */
public class BundleException(message: String, hint: String? = null, cause: Throwable? = null) :
    EdgecvException(message, hint, cause)

/** A preprocessing says something impossible, or something that this library does not do. */
public class SpecException(message: String, hint: String? = null) : EdgecvException(message, hint, null)

/** A picture, frame or tensor does not have the form that was asked for. */
public class InputException(message: String, hint: String? = null) : EdgecvException(message, hint, null)

/** A runtime refused a model, failed, or did not run where it was asked to. */
public class EngineException(message: String, hint: String? = null, cause: Throwable? = null) :
    EdgecvException(message, hint, cause)

/** A benchmark's options or samples are not what they should be. */
public class BenchException(message: String, hint: String? = null, cause: Throwable? = null) :
    EdgecvException(message, hint, cause)
