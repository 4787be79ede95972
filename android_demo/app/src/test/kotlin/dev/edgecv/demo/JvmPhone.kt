package dev.edgecv.demo

import dev.edgecv.Bundle
import dev.edgecv.OnnxEngine
import dev.edgecv.bench.Device
import java.io.File

/**
 * The app's benchmark without its screen, for `tests/android/phone.py`: arguments are a folder that stands for the phone's
 * root, then the extras in the words of `am start`.
 */
fun main(arguments: Array<String>) {
    val root = arguments[0]
    val extras = arguments.drop(1).chunked(3).associate { (kind, name, value) -> name to valueOf(kind, value.removePrefix(root)) }
    val folder = File("$root/sdcard/Android/data/dev.edgecv.demo/files/bench").apply { mkdirs() }
    val request = BenchRequest.read(MapExtras(extras))
    val files = BenchFiles(folder, checkNotNull(request.run))
    when (request) {
        is BenchRequest.Refused -> files.fail(request.message, request.hint)
        is BenchRequest.Accepted -> BenchJob(
            request = request.copy(samples = request.samples?.let { File("$root$it") }),
            files = files,
            engines = listOf(OnnxEngine),
            decoder = null,
            open = { Bundle.open(File("$root$it")) },
            machine = { Device.facts(model = "a Java virtual machine") },
            finished = { it },
        ).run {}
    }
}

private fun valueOf(kind: String, value: String): Any = when (kind) {
    "--ei" -> value.toInt()
    "--ez" -> value.toBoolean()
    else -> value
}
