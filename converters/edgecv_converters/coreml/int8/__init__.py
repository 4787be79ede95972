"""The full int8 Core ML target: the TFLite int8 file's own quantization, as an ML program for iOS 17 and later."""
