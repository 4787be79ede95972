package com.google.ai.edge.litert

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Memory of one input or output; as LiteRT does, it looks at the number of bytes that are written, and at no type. */
class TensorBuffer internal constructor(private val standIn: StandIn, private val tensor: StandInTensor) : JniHandle() {
    private val memory = ByteBuffer.allocate(tensor.count * tensor.size).order(ByteOrder.nativeOrder())

    internal fun place(): ByteBuffer {
        assertNotDestroyed()
        return memory
    }

    fun writeInt(data: IntArray) = written(data.size * Int.SIZE_BYTES) { it.asIntBuffer().put(data) }

    fun writeFloat(data: FloatArray) = written(data.size * Float.SIZE_BYTES) { it.asFloatBuffer().put(data) }

    fun writeInt8(data: ByteArray) = written(data.size) { it.put(data) }

    fun writeBoolean(data: BooleanArray) = written(data.size) { memory -> data.forEach { memory.put(if (it) 1 else 0) } }

    fun writeLong(data: LongArray) = written(data.size * Long.SIZE_BYTES) { it.asLongBuffer().put(data) }

    fun readInt(): IntArray = IntArray(tensor.count).also { read().asIntBuffer().get(it) }

    fun readFloat(): FloatArray = FloatArray(tensor.count).also { read().asFloatBuffer().get(it) }

    fun readInt8(): ByteArray = ByteArray(tensor.count).also { read().get(it) }

    fun readBoolean(): BooleanArray = read().let { memory -> BooleanArray(tensor.count) { memory.get(it) != 0.toByte() } }

    fun readLong(): LongArray = LongArray(tensor.count).also { read().asLongBuffer().get(it) }

    override fun destroy() = standIn.closed(this)

    private fun written(bytes: Int, put: (ByteBuffer) -> Unit) {
        if (bytes > memory.capacity()) throw LiteRtException("TensorBuffer host memory buffer size is smaller than the given data size")
        put(read())
    }

    private fun read(): ByteBuffer = place().duplicate().order(ByteOrder.nativeOrder()).also { it.clear() }
}
