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
    """What was seen; everything but `killed` and `ended` is a fault."""

    killed: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    complete: int = 0
    faults: list[str] = field(default_factory=list)


def write_model(path: Path) -> None:
    """A network that converts in a second, from fixed weights."""
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    keras.Sequential(layers).save(path)
    pictures = np.random.default_rng(1).random((24, 16, 16, 3)).astype(np.float32)
    np.savez(path.with_name("samples.npz"), x=pictures)


def command(folder: Path, out: Path, chance: random.Random) -> list[str]:
    """A conversion, mostly of TFLite alone."""
    words = [
        sys.executable,
        "-P",
        "-m",
        "edgecv",
        "convert",
        str(folder / "model.keras"),
        "-o",
        str(out),
        "-p",
        "tensor",
    ]
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


def seconds_until_gone(mark: str) -> float:
    """How long processes of the run are there; endless where some are there after `GONE` seconds."""
    began = time.monotonic()
    while alive(mark):
        if time.monotonic() - began > GONE:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - began


def is_whole(out: Path) -> bool:
    """Whether a bundle is complete."""
    try:
        with Bundle.load(out) as bundle:
            bundle.verify_integrity()
    except BundleError:
        return False
    return True


def kill_once(folder: Path, chance: random.Random, longest: float, tally: Tally) -> float:
    """One run, ended at a random moment, and what came of it; how long its processes were there afterwards."""
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    temporary, out, mark = place / "tmp", place / "out" / "m.edgecv", uuid.uuid4().hex
    temporary.mkdir()
    words, number = command(folder, out, chance), chance.choice(SIGNALS)
    moment = chance.random() * longest
    with start(words, temporary, mark) as run:
        try:
            run.wait(moment)
            tally.ended += 1
        except subprocess.TimeoutExpired:
            run.send_signal(number)
            tally.killed[number.name] += 1
        gone = seconds_until_gone(mark)
        if gone == float("inf"):
            tally.faults.append(f"{number.name} after {moment:.2f} s: alive after {GONE:g} s: {alive(mark)}")
            for pid in alive(mark):
                os.kill(pid, signal.SIGKILL)
    what = f"{number.name} after {moment:.2f} s"
    if out.exists():
        tally.complete += 1
        if not is_whole(out):
            tally.faults.append(f"{what}: half a bundle")
    if left := sorted(path.name for path in temporary.rglob("*")):
        tally.faults.append(f"{what}: left in TMPDIR: {left[:5]}")
    shutil.rmtree(temporary)
    return gone if finish(words, place, out, what, tally) else float("inf")


def finish(words: list[str], place: Path, out: Path, what: str, tally: Tally) -> bool:
    """Convert again, as a person would, and see that everything is in order."""
    temporary = place / "tmp"
    temporary.mkdir()
    with start([*words, "--force"], temporary, uuid.uuid4().hex) as run:
        said = (run.communicate()[1] or b"").decode(errors="replace")
    if run.returncode != 0 or not is_whole(out):
        tally.faults.append(f"{what}: the next run ended with {run.returncode}: {said[-300:]}")
    if left := sorted(entry.name for entry in out.parent.iterdir() if entry != out):
        tally.faults.append(f"{what}: the next run left {left} beside the bundle")
    if left := sorted(path.name for path in temporary.rglob("*")):
        tally.faults.append(f"{what}: the next run left in TMPDIR {left[:5]}")
    shutil.rmtree(place)
    return not tally.faults


def duration(folder: Path) -> float:
    """How long a whole run takes here."""
    began = time.monotonic()
    words = [*command(folder, folder / "first.edgecv", random.Random(0))]
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def main() -> int:
    """Run, print the counts, and say whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, tally, slowest = random.Random(given.seed), Tally(), 0.0
    with tempfile.TemporaryDirectory(prefix="edgecv-kills-") as scratch:
        folder = Path(scratch)
        write_model(folder / "model.keras")
        longest = duration(folder)
        for number in range(given.count):
            slowest = max(slowest, kill_once(folder, chance, longest, tally))
            if number % 10 == 9:
                print(f"{number + 1} of {given.count}, faults: {len(tally.faults)}", flush=True)
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(tally.killed.items()))
    print(
        f"{given.count} runs of up to {longest:.1f} s (seed {given.seed}): killed by {kinds}; {tally.ended} had ended"
    )
    print(f"bundles there: {tally.complete}, all whole unless told; last process gone after {slowest:.2f} s at most")
    print("\n".join(tally.faults) or "no fault")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
