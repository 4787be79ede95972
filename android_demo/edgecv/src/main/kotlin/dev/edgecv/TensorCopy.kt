package dev.edgecv

import com.google.ai.edge.litert.TensorBuffer
import com.google.ai.edge.litert.TensorType.ElementType
import java.nio.ByteOrder

/**
 * The way between a [Tensor] and LiteRT's memory, which takes and gives arrays: the one that it takes is made once, the one that it
 * gives is LiteRT's own for each inference.
 *
 * @property type LiteRT's name of the numbers' type; null where its Kotlin API has none.
 * @property write puts the tensor's numbers into LiteRT's memory.
 * @property read puts LiteRT's numbers into the tensor.
 */
internal class TensorCopy private constructor(val type: ElementType?, val write: () -> Unit, val read: () -> Unit) {
    companion object {
        private const val FLOAT_IO = "Convert again with float32, int8 or uint8 inputs and outputs (edgecv convert --io)"

        /** The one for a record's type of number. */
        fun of(io: TensorIO, tensor: Tensor, memory: TensorBuffer): TensorCopy = when (tensor.dtype) {
            DType.FLOAT32 -> floats(io, tensor, memory)
            DType.INT8 -> bytes(io, tensor, memory, ElementType.INT8)
            DType.UINT8 -> bytes(io, tensor, memory, null) // LiteRT's memory is bytes, whatever it calls them
            DType.INT32 -> ints(io, tensor, memory)
            DType.INT64 -> longs(io, tensor, memory)
            DType.BOOL -> booleans(io, tensor, memory)
            DType.INT16, DType.UINT16, DType.FLOAT16, DType.FLOAT64 ->
                throw EngineException("'${io.name}' is ${tensor.dtype.title}, which this engine does not hand to LiteRT", FLOAT_IO)
        }

        private fun floats(io: TensorIO, tensor: Tensor, memory: TensorBuffer): TensorCopy {
            val view = tensor.floats.duplicate()
            val numbers = FloatArray(tensor.count)
            return TensorCopy(ElementType.FLOAT, { view.moveTo(0); view.get(numbers); memory.writeFloat(numbers) }) {
                val made = memory.readFloat()
                checkCount(io, made.size, tensor.count)
                view.moveTo(0)
                view.put(made)
            }
        }

        private fun bytes(io: TensorIO, tensor: Tensor, memory: TensorBuffer, type: ElementType?): TensorCopy {
            val view = tensor.buffer.duplicate()
            val numbers = ByteArray(tensor.count)
            return TensorCopy(type, { view.moveTo(0); view.get(numbers); memory.writeInt8(numbers) }) {
                val made = memory.readInt8()
                checkCount(io, made.size, tensor.count)
                view.moveTo(0)
                view.put(made)
            }
        }

        private fun ints(io: TensorIO, tensor: Tensor, memory: TensorBuffer): TensorCopy {
            val view = tensor.buffer.duplicate().order(ByteOrder.nativeOrder()).asIntBuffer()
            val numbers = IntArray(tensor.count)
            return TensorCopy(ElementType.INT, { view.moveTo(0); view.get(numbers); memory.writeInt(numbers) }) {
                val made = memory.readInt()
                checkCount(io, made.size, tensor.count)
                view.moveTo(0)
                view.put(made)
            }
        }

        private fun longs(io: TensorIO, tensor: Tensor, memory: TensorBuffer): TensorCopy {
            val view = tensor.buffer.duplicate().order(ByteOrder.nativeOrder()).asLongBuffer()
            val numbers = LongArray(tensor.count)
            return TensorCopy(ElementType.INT64, { view.moveTo(0); view.get(numbers); memory.writeLong(numbers) }) {
                val made = memory.readLong()
                checkCount(io, made.size, tensor.count)
                view.moveTo(0)
                view.put(made)
            }
        }

        private fun booleans(io: TensorIO, tensor: Tensor, memory: TensorBuffer): TensorCopy {
            val view = tensor.buffer
            val numbers = BooleanArray(tensor.count)
            val write = {
                for (i in numbers.indices) numbers[i] = view.get(i) != 0.toByte()
                memory.writeBoolean(numbers)
            }
            return TensorCopy(ElementType.BOOLEAN, write) {
                val made = memory.readBoolean()
                checkCount(io, made.size, tensor.count)
                for (i in made.indices) view.put(i, if (made[i]) 1 else 0)
            }
        }

        private fun checkCount(io: TensorIO, found: Int, wanted: Int) {
            if (found != wanted) throw EngineException("'${io.name}' has $found numbers in the model, its record says ${io.shape}", ANEW)
        }
    }
}
