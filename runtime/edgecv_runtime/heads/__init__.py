"""Kinds of answers: one module a kind, which holds all that depends on it. `kinds` lists them."""
