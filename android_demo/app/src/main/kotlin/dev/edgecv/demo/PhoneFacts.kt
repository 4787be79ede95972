package dev.edgecv.demo

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import dev.edgecv.bench.Device
import dev.edgecv.bench.Machine
import dev.edgecv.bench.Result

/** This phone before a benchmark. */
fun Context.machine(): Machine {
    val memory = ActivityManager.MemoryInfo().also { checkNotNull(getSystemService(ActivityManager::class.java)).getMemoryInfo(it) }
    val version = packageManager.getPackageInfo(packageName, 0).versionName ?: "unknown"
    val machine = Device.facts(
        model = "${Build.MANUFACTURER} ${Build.MODEL}",
        system = "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
        versions = mapOf("edgecv demo app" to version),
        memoryBytes = memory.totalMem,
    )
    return machine.copy(celsiusBefore = machine.celsiusBefore ?: batteryCelsius())
}

/** The same result with what Android says at its end: the heat. */
fun Context.finished(result: Result): Result {
    val machine = result.machine.copy(celsiusAfter = result.machine.celsiusAfter ?: batteryCelsius(), throttled = throttled())
    val hot = listOf(Words.HOT).filter { machine.throttled == true }
    return result.copy(machine = machine, stable = result.stable && hot.isEmpty(), unstable = result.unstable + hot)
}

/** Apps may not read the processor's sensors on most phones; the battery's is always there. */
private fun Context.batteryCelsius(): Double? =
    registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        ?.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Int.MIN_VALUE)
        ?.takeIf { it != Int.MIN_VALUE }
        ?.let { it / 10.0 }

/** Whether the system slows down because of heat; null before Android 10, which does not say. */
private fun Context.throttled(): Boolean? = if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) null else isThrottled()

@Newer(29)
private fun Context.isThrottled(): Boolean =
    checkNotNull(getSystemService(PowerManager::class.java)).currentThermalStatus > PowerManager.THERMAL_STATUS_NONE
