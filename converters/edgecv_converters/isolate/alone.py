"""Native runtimes given the files of strangers: what crashes, hangs or eats memory there is a child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from edgecv_runtime.errors import BackendError

from edgecv_converters.isolate.pool import Advice, WorkerLimits, WorkerPool
from edgecv_converters.isolate.scratch import scratch_folder

READING: Final = Advice(
    error=BackendError,
    crash="The file is damaged, or the runtime that is installed cannot take it: convert again, or fetch it again",
    time="The file may be damaged, or too large for this machine",
    memory="The file may be damaged; if it is not, use a machine with more memory",
)


@contextmanager
def children(*preload: str, jobs: int = 1) -> Iterator[WorkerPool]:
    """Worker processes in a temporary folder of their own, which is gone afterwards, even if this process is killed.

    Args:
        preload: Modules that every worker needs, imported once; none that starts threads.
        jobs: How many workers run at the same time.
    """
    with (
        scratch_folder() as folder,
        WorkerPool(folder / "work", litter=folder, preload=preload, jobs=jobs, advice=READING) as pool,
    ):
        yield pool


def run_alone(name: str, function: Callable[..., Any], limits: WorkerLimits, **arguments: Any) -> Any:
    """The value of `function(**arguments)`, computed in a process of its own.

    Args:
        name: What it is called in an error.
        function: Importable by its module and name; arguments and value can be pickled, and paths are absolute.
        limits: The time and memory that it may take.
        **arguments: What it is called with.

    Raises:
        EdgecvError: The function raised it.
        BackendError: The process crashed, or went over a limit.
        WorkerBugError: The function raised anything else.
    """
    with children() as pool:
        return pool.submit(name, function, limits, **arguments).result()
