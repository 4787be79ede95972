package dev.edgecv.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/** Lends benchmark results to the app that a person chose in the share sheet: to read, and nothing else. */
class ResultProvider : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = JSON

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (mode != "r") throw FileNotFoundException("results can only be read")
        return ParcelFileDescriptor.open(fileOf(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val file = fileOf(uri)
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val values = columns.map {
            when (it) {
                OpenableColumns.DISPLAY_NAME -> file.name
                OpenableColumns.SIZE -> file.length()
                else -> null
            }
        }
        return MatrixCursor(columns, 1).apply { addRow(values) }
    }

    private fun fileOf(uri: Uri): File {
        val folder = folder(requireNotNull(context))
        return sharedFile(folder, uri.lastPathSegment) ?: throw FileNotFoundException("there is no such result")
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    companion object {
        private const val JSON = "application/json"

        /** Where results lie that may be lent. */
        fun folder(context: Context): File = File(context.filesDir, "results").apply { mkdirs() }

        /** What sends a result in [folder] to an app of the person's choice. */
        fun share(context: Context, file: File): Intent {
            val uri = Uri.Builder().scheme("content").authority("${context.packageName}.results").appendPath(file.name).build()
            val send = Intent(Intent.ACTION_SEND).setType(JSON).putExtra(Intent.EXTRA_STREAM, uri)
            send.clipData = android.content.ClipData.newRawUri(null, uri)
            return Intent.createChooser(send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION), Words.SHARE_RESULT)
        }
    }
}
