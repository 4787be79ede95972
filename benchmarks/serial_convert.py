"""What a person writes by hand: one script that calls the same converters one after the other, and proves nothing.

`python -m benchmarks.serial_convert MODEL IMAGES OUT` makes int8 TFLite, the ONNX that carries its quantization, and
Core ML with int8 weights; with `tflite` after them the first alone.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Convert to three targets in int8, or to TFLite alone, serially, in this process."""
    model_path, images, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    import keras
    import numpy as np
    import tensorflow as tf
    from PIL import Image
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    out.mkdir(parents=True, exist_ok=True)
    model = keras.models.load_model(model_path, compile=False)
    shape = (1, *model.inputs[0].shape[1:])
    function = tf.function(lambda image: model(image, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec(shape, tf.float32, name="image"))
    frozen = convert_variables_to_constants_v2(concrete, aggressive_inlining=True)

    files = sorted(images.rglob("*.*"))
    chosen = files[:: max(1, len(files) // 200)][:200]

    def samples() -> object:
        for file in chosen:
            picture = Image.open(file).convert("RGB" if shape[3] == 3 else "L").resize((shape[2], shape[1]))
            yield [np.asarray(picture, np.float32).reshape(shape)]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    (out / "model.tflite").write_bytes(converter.convert())
    if sys.argv[4:] == ["tflite"]:
        return
    import coremltools as ct
    import tf2onnx

    tf2onnx.convert.from_tflite(str(out / "model.tflite"), opset=17, output_path=str(out / "model.onnx"))
    program = ct.convert(
        [frozen],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[ct.TensorType(name=frozen.inputs[0].name.split(":")[0], shape=shape)],
        minimum_deployment_target=ct.target.iOS16,
    )
    config = ct.optimize.coreml.OpLinearQuantizerConfig(mode="linear_symmetric")
    small = ct.optimize.coreml.linear_quantize_weights(program, ct.optimize.coreml.OptimizationConfig(config))
    small.save(str(out / "model.mlpackage"))


if __name__ == "__main__":
    main()
