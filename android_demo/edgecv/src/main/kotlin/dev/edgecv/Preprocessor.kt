package dev.edgecv

/** From a picture or a raw tensor to one input of an artifact, bit for bit as docs/preprocessing.md says. */
public class Preprocessor(private val spec: Preprocess, private val io: TensorIO) {
    public fun process(frame: Frame, into: Tensor) {
        TODO()
    }
    public fun process(values: FloatArray, into: Tensor) {
        TODO()
    }
}
internal class RealInput(io: TensorIO) { fun write(values: FloatArray, into: Tensor) { TODO() } }
internal class RealOutput(io: TensorIO) { val count = 1; fun read(from: Tensor, into: FloatArray) { TODO() } }
internal fun readManifest(text: String, name: String): Manifest = TODO()
