"""Native converters abort, hang and eat memory: here each runs in a process of its own, and dies alone."""

from edgecv_converters.isolate.workshop import Job, Limits, WorkerBugError, Workshop

__all__ = ["Job", "Limits", "WorkerBugError", "Workshop"]
