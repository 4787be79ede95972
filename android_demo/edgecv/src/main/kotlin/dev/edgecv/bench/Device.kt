package dev.edgecv.bench

import dev.edgecv.CpuInfo
import dev.edgecv.readText
import java.io.File

/** What of this device bears on a measurement. */
public object Device {
    private val cpus = File("/sys/devices/system/cpu")
    private val thermal = File("/sys/class/thermal")

    /**
     * This device as it is now. What Android keeps from apps is left out.
     *
     * @param model the device's own name, as "Pixel 8"; null where it has none.
     * @param system as "Android 15".
     * @param versions of what takes part, as "edgecv", "app".
     * @param memoryBytes the memory of the device, where it is known.
     */
    public fun facts(
        model: String? = null,
        system: String = "${System.getProperty("os.name")} ${System.getProperty("os.version")}",
        versions: Map<String, String> = emptyMap(),
        memoryBytes: Long? = memory(),
    ): Machine = Machine(
        cpu = CpuInfo.model,
        architecture = CpuInfo.architecture,
        cores = cores(),
        system = system,
        model = model,
        flags = CpuInfo.flags,
        governors = eachCpu("scaling_governor").filter { it.isNotEmpty() }.distinct().sorted(),
        mhz = eachCpu("cpuinfo_max_freq").mapNotNull { it.toDoubleOrNull() }.maxOrNull()?.div(1000),
        memoryBytes = memoryBytes,
        loadBefore = loadAverage(),
        celsiusBefore = hottest(),
        versions = mapOf("kotlin" to KotlinVersion.CURRENT.toString()) + versions,
    )

    internal fun cores(): Int = Runtime.getRuntime().availableProcessors()

    internal fun loadAverage(): Double? = readText(File("/proc/loadavg")).substringBefore(' ').toDoubleOrNull()

    internal fun hottest(): Double? = thermal.listFiles().orEmpty()
        .filter { it.name.startsWith("thermal_zone") }
        .mapNotNull { readText(File(it, "temp")).toDoubleOrNull() }
        .maxOrNull()?.div(1000)

    private fun eachCpu(name: String): List<String> = cpus.listFiles().orEmpty()
        .filter { it.name.matches(Regex("cpu[0-9]+")) }
        .map { readText(File(it, "cpufreq/$name")) }

    private fun memory(): Long? = Regex("^MemTotal:\\s+(\\d+) kB", RegexOption.MULTILINE)
        .find(readText(File("/proc/meminfo")))?.groupValues?.get(1)?.toLong()?.times(1024)
}
