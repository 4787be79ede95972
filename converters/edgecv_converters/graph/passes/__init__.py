"""Rewrites of the frozen graph to the form that a converter takes, each in its own file, as a function `rewrite`."""
