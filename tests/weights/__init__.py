"""Weights that were trained once, and the program that trained them."""
