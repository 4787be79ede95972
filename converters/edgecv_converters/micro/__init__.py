"""Files for TensorFlow Lite Micro, the interpreter of microcontrollers."""
