"""The metadata inside a .tflite file that MediaPipe Tasks, ML Kit and Android Studio read.

The tables are those of TensorFlow Lite Support's `metadata_schema.fbs` 1.5.0 and of MediaPipe's
`object_detector_metadata_schema.fbs` 1.0.0; labels lie in a ZIP archive after the flatbuffer. The library that wrote
them (tflite-support) is no longer built.
"""
