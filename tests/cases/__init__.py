"""One small case of each kind of fault that users met, with the right answer."""
