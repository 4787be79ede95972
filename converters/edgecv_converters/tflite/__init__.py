"""The TFLite target: float32, float16, dynamic, int8 and int16x8, from the one frozen graph."""
