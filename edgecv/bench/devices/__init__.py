"""Benchmarks on other devices: a machine over ssh, a phone over adb, and results that a phone shared."""
