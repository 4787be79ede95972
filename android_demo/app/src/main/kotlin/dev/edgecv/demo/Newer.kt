package dev.edgecv.demo

/**
 * On what calls more than Android 7 has, and is itself called only where the system is new enough.
 *
 * Everything else is held to Android 7's own list of methods when the app is built with Maven.
 */
@Target(AnnotationTarget.FUNCTION, AnnotationTarget.PROPERTY_GETTER)
@Retention(AnnotationRetention.BINARY)
annotation class Newer(val api: Int)
