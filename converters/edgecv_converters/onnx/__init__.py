"""The ONNX target: float32, float16 and int8 QDQ."""
