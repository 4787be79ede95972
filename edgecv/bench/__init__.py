"""`edgecv bench`: what only the host has, the reference, devices and the report (docs/bench.md)."""
