"""Mutated files of strangers, many thousands of them: nothing may crash, hang, or reach outside. Run by `make fuzz`."""
