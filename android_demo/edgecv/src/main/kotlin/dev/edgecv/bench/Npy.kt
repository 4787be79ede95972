package dev.edgecv.bench

import dev.edgecv.BenchException
import dev.edgecv.moveTo
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.channels.FileChannel

/**
 * NumPy's file format, of float32 in C order and little-endian: what `edgecv bench` sends and takes.
 *
 * Source: numpy.lib.format, versions 1.0 and 2.0.
 */
internal object Npy {
    private val MAGIC = byteArrayOf(0x93.toByte(), *"NUMPY".toByteArray(Charsets.US_ASCII))
    private const val ALIGNED = 64

    /** An array's shape and its values, mapped. */
    class Array(val shape: List<Int>, private val values: FloatBuffer) {
        private val rowSize = shape.drop(1).fold(1) { product, side -> product * side }

        /** One line of the first axis. */
        fun row(index: Int): FloatArray {
            val row = FloatArray(rowSize)
            values.moveTo(index * rowSize)
            values.get(row)
            return row
        }
    }

    /** @throws BenchException it is missing, or no such array. */
    fun read(file: File): Array = try {
        RandomAccessFile(file, "r").use { parse(file, it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length())) }
    } catch (error: IOException) {
        throw BenchException("${file.name} cannot be read: ${error.message}", null, error)
    }

    private fun parse(file: File, bytes: ByteBuffer): Array {
        bytes.order(ByteOrder.LITTLE_ENDIAN)
        val begins = bytes.remaining() >= 12 && MAGIC.indices.all { bytes.get(it) == MAGIC[it] }
        if (!begins) throw BenchException("${file.name} is no .npy file")
        val wide = bytes.get(6) >= 2
        val start = if (wide) 12 else 10
        val length = if (wide) bytes.getInt(8) else bytes.getShort(8).toInt() and 0xffff
        val header = ByteArray(minOf(maxOf(length, 0), bytes.remaining() - start))
        bytes.moveTo(start)
        bytes.get(header)
        val shape = shapeOf(String(header, Charsets.ISO_8859_1)) ?: throw BenchException("${file.name} is not float32 in C order")
        val values = bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        val count = shape.fold(1L) { product, side -> product * side }
        if (values.remaining().toLong() < count) throw BenchException("${file.name} is shorter than its shape $shape")
        return Array(shape, values)
    }

    private fun shapeOf(header: String): List<Int>? {
        val plain = Regex("'descr':\\s*'<f4'").containsMatchIn(header) && Regex("'fortran_order':\\s*False").containsMatchIn(header)
        val sides = Regex("'shape':\\s*\\(([0-9, ]*)\\)").find(header)?.groupValues?.get(1) ?: return null
        val shape = sides.split(',').map { it.trim() }.filter { it.isNotEmpty() }.map { it.toIntOrNull() ?: return null }
        return shape.takeIf { plain && it.isNotEmpty() }
    }

    /** @throws BenchException it cannot be written. */
    fun write(file: File, shape: List<Int>, rows: List<FloatArray>) {
        val dims = shape.joinToString(", ") + if (shape.size == 1) "," else ""
        val text = "{'descr': '<f4', 'fortran_order': False, 'shape': ($dims), }"
        val padding = ALIGNED - (10 + text.length + 1) % ALIGNED
        val header = (text + " ".repeat(padding % ALIGNED) + "\n").toByteArray(Charsets.ISO_8859_1)
        val bytes = ByteBuffer.allocate(10 + header.size + 4 * rows.sumOf { it.size }).order(ByteOrder.LITTLE_ENDIAN)
        bytes.put(MAGIC).put(1).put(0).putShort(header.size.toShort()).put(header)
        rows.forEach { row -> row.forEach { bytes.putFloat(it) } }
        try {
            file.parentFile?.mkdirs()
            file.writeBytes(bytes.array())
        } catch (error: IOException) {
            throw BenchException("${file.name} cannot be written: ${error.message}", null, error)
        }
    }
}
