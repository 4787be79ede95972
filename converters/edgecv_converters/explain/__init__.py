"""Maps of importance: which pixels of a picture an answer comes from, on a trained model and on a converted file."""
