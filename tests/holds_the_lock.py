"""A module whose import keeps Python's global lock for minutes, as loading a large shared library does for seconds."""

import ctypes

ctypes.PyDLL(None).sleep(600)
