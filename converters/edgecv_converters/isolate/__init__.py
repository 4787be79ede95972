"""Native converters and runtimes abort, hang and eat memory: here each runs in a process of its own, and dies alone."""

from edgecv_converters.isolate.alone import children, run_alone
from edgecv_converters.isolate.pool import GIB, Job, WorkerBugError, WorkerLimits, WorkerPool, machine_memory
from edgecv_converters.isolate.scratch import scratch_folder

__all__ = [
    "GIB",
    "Job",
    "WorkerBugError",
    "WorkerLimits",
    "WorkerPool",
    "children",
    "machine_memory",
    "run_alone",
    "scratch_folder",
]
