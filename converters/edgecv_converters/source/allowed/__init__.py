"""What a model file may name: lists that were reviewed by hand, name by name, for what only computes."""
