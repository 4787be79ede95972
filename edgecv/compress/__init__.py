"""A trained Keras model to a smaller one: channels removed, or weights set to zero, and trained again."""
