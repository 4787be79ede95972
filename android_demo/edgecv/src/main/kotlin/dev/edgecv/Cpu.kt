package dev.edgecv

import java.io.File
import java.io.IOException

/** The instruction sets that change int8 results or speed. */
private val INT8_FLAGS = listOf("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm", "sve")
private val VNNI = setOf("avx512_vnni", "avx_vnni", "amx_int8")

/** The facts of this processor that change int8 results or speed. */
internal object CpuInfo {
    val architecture: String = when (val name = System.getProperty("os.arch").orEmpty()) {
        "amd64" -> "x86_64"
        "arm64" -> "aarch64"
        else -> name
    }
    private val text: String = readText(File("/proc/cpuinfo"))

    val flags: List<String> = field("flags|Features").flatMap { it.split(' ') }.toSet().let { words -> INT8_FLAGS.filter { it in words } }
    val model: String = field("model name|Model|Hardware").firstOrNull { it.isNotEmpty() } ?: architecture

    private fun field(names: String): List<String> =
        Regex("^(?:$names)\\s*:\\s*(.*)$", RegexOption.MULTILINE).findAll(text).map { it.groupValues[1].trim() }.toList()
}

/** True if the fast uint8 x int8 kernels overflow their 16-bit sums here: x86 that is not known to have VNNI. */
internal fun saturatesInt8(): Boolean = CpuInfo.architecture == "x86_64" && CpuInfo.flags.none { it in VNNI }

/** A file of the system, or nothing where it is not there or not for apps. */
internal fun readText(file: File): String = try {
    file.readText().trim('\u0000', '\n', ' ')
} catch (_: IOException) {
    ""
} catch (_: SecurityException) {
    ""
}
