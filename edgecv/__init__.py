"""Trained Keras models to TFLite, ONNX and Core ML bundles that are proven to give the same answers."""
