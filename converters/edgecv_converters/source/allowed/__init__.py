"""Lists of what a model file may name, reviewed by hand, name by name: only what computes."""
