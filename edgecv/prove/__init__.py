"""The one judge of an artifact, and what uses it: a conversion's proof, `verify` and `evaluate`."""
