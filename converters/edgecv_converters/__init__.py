"""Keras models to frozen graphs to artifacts, and the proof that they agree."""
