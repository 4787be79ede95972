"""Kills `edgecv convert` at random moments: no half bundle, no process, no temporary file, and the next run succeeds.

`python -m tests.fuzz.kills --count 200 --seed 0`; the exit code is 1 where anything of this does not hold.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError

MARK = "EDGECV_KILLS"
GONE = 5.0  # seconds after which nothing may be alive
SIGNALS = (signal.SIGKILL,) * 8 + (signal.SIGTERM, signal.SIGINT)
ALL_TARGETS = 0.2  # the share of runs that convert to every target
INT8 = 0.2


@dataclass
class Tally:
    """What was seen.

    Attributes:
        killed: The runs that a signal ended, by its name.
        ended: The runs that were faster.
        complete: The bundles that were there afterwards.
        slowest: The seconds until the last process of a run was gone, at most.
        faults: What must not be.
    """

    killed: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    complete: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


def write_model(path: Path) -> None:
    """A network that converts in a second, from fixed weights, and samples for it."""
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    keras.Sequential(layers).save(path)
    pictures = np.random.default_rng(1).random((24, 16, 16, 3)).astype(np.float32)
    np.savez(path.with_name("samples.npz"), x=pictures)


def command(folder: Path, out: Path, chance: random.Random) -> list[str]:
    """A conversion, mostly of TFLite alone."""
    words = [*(sys.executable, "-P", "-m", "edgecv", "convert"), str(folder / "model.keras")]
    words += ["-o", str(out), "-p", "tensor"]
    if chance.random() >= ALL_TARGETS:
        words += ["-t", "tflite"]
    if chance.random() < INT8:
        words += ["-q", "int8", "--calibrate", str(folder / "samples.npz")]
    return words


def start(words: list[str], temporary: Path, mark: str) -> subprocess.Popen[bytes]:
    """Begin a run whose processes can be told by their environment."""
    environment = os.environ | {"TMPDIR": str(temporary), MARK: mark, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def alive(mark: str) -> list[int]:
    """The processes that began with this mark and still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                marked = f"{MARK}={mark}".encode() in (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # it has ended meanwhile, or is another user's
                continue
            if marked and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until_gone(mark: str, what: str, tally: Tally) -> None:
    """Note how long processes of the run are there; it is a fault where some are there after `GONE` seconds."""
    began = time.monotonic()
    while left := alive(mark):
        if time.monotonic() - began > GONE:
            tally.faults.append(f"{what}: alive after {GONE:g} s: {left}")
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.02)
    tally.slowest = max(tally.slowest, time.monotonic() - began)


def is_whole(out: Path) -> bool:
    """Whether a bundle is complete."""
    try:
        with Bundle.load(out) as bundle:
            bundle.verify_integrity()
    except BundleError:
        return False
    return True


def kill_once(folder: Path, chance: random.Random, longest: float, tally: Tally, *, again: bool) -> None:
    """One run, ended at a random moment, and what came of it; `again`, then another one to the end."""
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    temporary, out, mark = place / "tmp", place / "out" / "m.edgecv", uuid.uuid4().hex
    temporary.mkdir()
    words, number, moment = command(folder, out, chance), chance.choice(SIGNALS), chance.random() * 1.1 * longest
    what = f"{number.name} after {moment:.2f} s"
    with start(words, temporary, mark) as run:
        try:
            run.wait(moment)
            tally.ended += 1
        except subprocess.TimeoutExpired:
            run.send_signal(number)
            tally.killed[number.name] += 1
        run.wait()
        wait_until_gone(mark, what, tally)
    if out.exists():
        tally.complete += 1
        if not is_whole(out):
            tally.faults.append(f"{what}: half a bundle")
    check_left(temporary, f"{what}: left in TMPDIR", tally)
    if again:
        finish(words, temporary, out, what, tally)
    shutil.rmtree(place)


def check_left(folder: Path, what: str, tally: Tally, but: tuple[str, ...] = ()) -> None:
    """Note what lies in a folder that should be empty, or missing."""
    left = sorted({entry.name for entry in folder.glob("*")} - {*but})
    if left:
        tally.faults.append(f"{what}: {', '.join(left[:5])}")


def finish(words: list[str], temporary: Path, out: Path, what: str, tally: Tally) -> None:
    """Convert again, as a person would, and see that everything is in order."""
    with start([*words, "--force"], temporary, uuid.uuid4().hex) as run:
        said = (run.communicate()[1] or b"").decode(errors="replace")
    if run.returncode != 0 or not is_whole(out):
        tally.faults.append(f"{what}: the next run ended with {run.returncode}: {said[-300:]}")
    check_left(out.parent, f"{what}: the next run left beside the bundle", tally, but=(out.name,))
    check_left(temporary, f"{what}: the next run left in TMPDIR", tally)


def duration(folder: Path) -> float:
    """How long a whole run takes here."""
    began = time.monotonic()
    subprocess.run(command(folder, folder / "first.edgecv", random.Random(0)), check=True, capture_output=True)
    return time.monotonic() - began


def main() -> int:
    """Run, print the counts, and say whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=int, default=10, help="convert to the end after every so many kills")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    chance, tally = random.Random(given.seed), Tally()
    with tempfile.TemporaryDirectory(prefix="edgecv-kills-") as scratch:
        folder = Path(scratch)
        write_model(folder / "model.keras")
        longest = duration(folder)
        for number in range(given.count):
            kill_once(folder, chance, longest, tally, again=number % given.again == 0)
            if number % 10 == 9:
                print(f"{number + 1} of {given.count}, faults: {len(tally.faults)}", flush=True)
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(tally.killed.items()))
    print(f"{given.count} runs, one of {longest:.1f} s (seed {given.seed}): {kinds}; {tally.ended} ended before")
    print(f"{tally.complete} bundles were there; the last process was gone after {tally.slowest:.2f} s at most")
    print("\n".join(tally.faults) or "no fault")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
