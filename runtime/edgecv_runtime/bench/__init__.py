"""Benchmarks: what measures, on any machine, with no more than the runtime's own packages."""
