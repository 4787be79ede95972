"""How the cost of converting and of running grows: `python -m benchmarks.scaling` (see `__main__`)."""
