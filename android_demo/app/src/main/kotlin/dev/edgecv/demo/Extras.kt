package dev.edgecv.demo

import android.content.Intent

/** The bundle's name among the assets. */
const val EXTRA_BUNDLE: String = "bundle"

/** A [Choice.key]. */
const val EXTRA_CHOICE: String = "choice"

/** The extras of an intent, for code that knows no Android. */
class IntentExtras(private val intent: Intent) : Extras {
    override fun has(name: String): Boolean = intent.hasExtra(name)

    override fun int(name: String): Int = intent.getIntExtra(name, 0)

    override fun string(name: String): String? = intent.getStringExtra(name)

    override fun flag(name: String): Boolean = intent.getBooleanExtra(name, false)
}
