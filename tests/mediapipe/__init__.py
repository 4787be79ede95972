"""MediaPipe Tasks opens edgecv's files: `make test-mediapipe` runs these tests with MediaPipe in a place of its own."""
