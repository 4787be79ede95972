"""Functions that die in every way a native converter can; run in workers by the isolation tests."""

from __future__ import annotations

import ctypes
import errno
import gc
import importlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

from edgecv_converters.isolate.child import go_later, progress, wait_for
from edgecv_converters.isolate.pool import resident_bytes
from edgecv_converters.isolate.store import Key, ObjectStore
from edgecv_runtime.errors import ConversionError

LATE = Key("late")


def answer(value: int) -> int:
    progress(1, 1)
    return value * 2


def stay(seconds: float) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def fill(size: int) -> int:
    """Fill so many bytes of `malloc`'s, and tell how many of the process's are in huge pages."""
    held = b"1" * size
    table = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    kilobytes = next(int(line.split()[1]) for line in table.splitlines() if line.startswith("AnonHugePages:"))
    return 1024 * kilobytes if held else 0


def leave_holes(size: int, seconds: float) -> int:
    """Take so many bytes in small blocks, free all but the last, and tell what is still resident a while later."""
    blocks = [b"1" * (64 << 10) for _ in range(size >> 16)]
    del blocks[:-1]
    time.sleep(seconds)
    return resident_bytes(os.getpid()) if blocks else 0


def work_later(threads: int) -> list[int]:
    """Let others go first while there are other threads, and tell the niceness of each."""
    there = threading.Barrier(threads + 1)

    def started() -> None:
        there.wait()
        there.wait()

    before = [threading.Thread(target=started) for _ in range(threads)]
    for thread in before:
        thread.start()
    there.wait()
    go_later()
    found = [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path("/proc/self/task").iterdir()]
    there.wait()
    return found


def refuse() -> None:
    raise ConversionError("the op is unknown", "use another")


def work_around_a_wait(store: ObjectStore, before: float, waiting: float, after: float) -> None:
    """Sleep, wait for an object that comes after so many seconds, and sleep again."""
    time.sleep(before)
    threading.Timer(waiting, store.put, (LATE, True)).start()
    wait_for(store, LATE)
    time.sleep(after)


def wait_with_garbage(store: ObjectStore) -> bool:
    """Wait for the late object with a cycle that nothing reads any more; tell whether it was collected meanwhile."""
    gc.disable()
    cycle = Cycle()
    cycle.itself = cycle
    held = weakref.ref(cycle)
    del cycle
    threading.Timer(0.5, store.put, (LATE, True)).start()
    wait_for(store, LATE)
    return held() is None


class Cycle:
    """An object that refers to itself."""

    itself: Cycle


def find_the_disk_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights.bin")


def answer_more_than_a_file_may_hold() -> bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    return bytes(100_000)


def surroundings(modules: tuple[str, ...]) -> tuple[list[str], Path, Path]:
    """Import modules; where this process looks for others, works, and puts temporary files."""
    for name in modules:
        importlib.import_module(name)
    return sys.path, Path.cwd(), Path(tempfile.gettempdir())


def process() -> dict[str, object]:
    """What a process has from whoever started it."""
    names = ("PYTEST_CURRENT_TEST",)
    ignored = [number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN]
    return {
        "environment": {name: value for name, value in os.environ.items() if name not in names},
        "search path": sys.path,
        "folder": str(Path.cwd()),
        "temporary files": tempfile.gettempdir(),
        "ignored signals": ignored,
        "leads its group": os.getpgid(0) == os.getpid(),
        "session": os.getsid(0) == os.getppid(),
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)],
        "open files": sorted(path.name for path in Path("/proc/self/fd").iterdir()),
        "seed": hash("a word"),
    }


def stumble() -> None:
    raise ZeroDivisionError("a bug of ours")


def segfault() -> None:
    print("last words before the crash", flush=True)
    ctypes.string_at(0)


def leave() -> None:
    os._exit(7)


def hang() -> None:
    while True:
        time.sleep(60)


def exhaust() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(32 << 20))


def hang_with_child(pids: Path) -> None:
    """Hang, with a grandchild that hangs as well."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    whole = pids.with_suffix(".partial")
    whole.write_text(f"{os.getpid()} {child.pid}")
    whole.replace(pids)  # whoever waits for the file finds both numbers in it
    hang()


def wait_and_answer(store: ObjectStore) -> str:
    """Wait for an object that comes late."""
    return wait_for(store, LATE) + "!"
