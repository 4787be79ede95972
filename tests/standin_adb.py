"""A stand-in for `adb` and for a phone with the demo app: no phone was used for what is tested with it.

It speaks as much of adb's command line as edgecv uses, in the words that adb and Android use. The phone's files lie in
FOLDER/phone; FOLDER/config.json says how the phone behaves. The app takes one step each time it is looked for.

Run as `python standin_adb.py FOLDER WORDS...`; `install` makes an `adb` that does.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SERIAL = "R58M123ABC"
PACKAGE = "dev.edgecv.demo"
OPTIONS = {"--es": str, "--ei": int, "--ez": {"true": True, "false": False}.__getitem__}


def install(folder: Path, **config: object) -> Path:
    """Make FOLDER/bin with an `adb`; `config` has mode, devices, installed, free_kb."""
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "adb"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {__file__} {folder} "$@"\n')
    script.chmod(0o755)
    android = folder / "phone" / "bin"
    android.mkdir(parents=True)
    for name in ("am", "pm", "pidof", "df"):
        command = android / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {__file__} {folder} --android {name} "$@"\n')
        command.chmod(0o755)
    (folder / "phone/data/local/tmp").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    return programs


class Phone:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "phone"
        self.config = json.loads((folder / "config.json").read_text())
        self.mode = self.config.get("mode", "good")
        self.state_file = folder / "state.json"
        self.state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}

    def save(self, **state: object) -> None:
        self.state |= state
        self.state_file.write_text(json.dumps(self.state))

    def local(self, path: str) -> Path:
        return self.root / path.strip("/")

    # What adb does.

    def adb(self, words: list[str]) -> int:
        if words == ["devices"]:
            print("* daemon not running; starting now at tcp:5037\n* daemon started successfully", file=sys.stderr)
            lines = [f"{serial}\t{state}" for serial, state in self.config.get("devices", [[SERIAL, "device"]])]
            print("\n".join(["List of devices attached", *lines, ""]))
            return 0
        assert words[0] == "-s", words
        if self.state.get("unplugged"):
            print(f"adb: device '{words[1]}' not found", file=sys.stderr)
            return 1
        with (self.folder / "calls.txt").open("a") as calls:
            calls.write(json.dumps(words[2:]) + "\n")
        return {"shell": self.shell, "push": self.push, "pull": self.pull}[words[2]](words[3:])

    def shell(self, words: list[str]) -> int:
        script = " ".join(words)  # names of the phone's files become those of the files here, the extras' too
        for place in ("/data/local/tmp", "/sdcard"):
            script = script.replace(place, str(self.local(place)))
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(["sh", "-c", script], env=environment, check=False).returncode

    def push(self, words: list[str]) -> int:
        *sources, target = words
        place = self.local(target)
        if self.mode == "full":
            print(f"adb: error: failed to copy '{sources[0]}' to '{target}': remote write: No space left on device")
            return 1
        if self.mode == "unplugged while copying":
            self.save(unplugged=True)
            print("adb: error: failed to read copy response: couldn't read from device", file=sys.stderr)
            return 1
        if not place.is_dir():
            print(f"adb: error: target '{target}' is not a directory")
            return 1
        for source in map(Path, sources):
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, place / source.name)
        print(f"{len(sources)} files pushed, 0 skipped.")
        return 0

    def pull(self, words: list[str]) -> int:
        source, target = self.local(words[0]), Path(words[1])
        if not source.exists():
            print(f"adb: error: failed to stat remote object '{words[0]}': No such file or directory", file=sys.stderr)
            return 1
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        print(f"{words[0]}: 1 file pulled, 0 skipped.")
        return 0

    # What Android's commands do.

    def android(self, name: str, words: list[str]) -> int:
        if name == "df":
            free = self.config.get("free_kb", 9_000_000)
            print("Filesystem       1K-blocks     Used Available Use% Mounted on")
            print(f"/dev/block/dm-46 112345678 99999999 {free:>9}  90% /data/user/0")
            return 0
        if name == "pm":
            installed = self.config.get("installed", True)
            print(f"package:/data/app/~~x==/{PACKAGE}-y==/base.apk" if installed else "", end="\n" if installed else "")
            return 0 if installed else 1
        if name == "pidof":
            alive = self.step()
            print("12345" if alive else "", end="\n" if alive else "")
            return 0 if alive else 1
        return self.am(words)

    def am(self, words: list[str]) -> int:
        if words[:1] == ["force-stop"]:
            self.save(stopped=True)
            return 0
        assert words[:4] == ["start", "-S", "-n", f"{PACKAGE}/.BenchmarkActivity"], words
        print(f"Starting: Intent {{ cmp={words[3]} (has extras) }}")
        if self.mode == "old app":
            print(f"Error type 3\nError: Activity class {{{words[3]}}} does not exist.")
            return 0
        triples = zip(words[4::3], words[5::3], words[6::3], strict=True)
        extras = {name: OPTIONS[kind](value) for kind, name, value in triples}
        extras["edgecv.options"] = json.loads(base64.b64decode(extras["edgecv.options"]))
        self.save(extras=extras, steps=0, stopped=False)
        return 0

    # What the app does.

    def step(self) -> bool:
        """One step of the app; whether its process lives."""
        if "extras" not in self.state or self.state.get("stopped") or self.mode == "never starts":
            return False
        steps = self.state["steps"] + 1
        self.save(steps=steps)
        run, results = self.state["extras"]["edgecv.run"], self.local(f"/sdcard/Android/data/{PACKAGE}/files/bench")
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{run}.progress.json").write_text('{"done": 1, "total": 4, "doing": "measure"}')
        if steps == 2 and self.mode == "unplugged":
            self.save(unplugged=True)
        if steps < 3 or self.mode == "hangs":
            return True
        if self.mode == "dies":
            return False
        if self.mode == "gives up":
            (results / f"{run}.error.json").write_text('{"message": "the GPU refused", "hint": "take the CPU"}')
            return True
        self.measure(results, run)
        return self.mode != "ends at once"

    def measure(self, results: Path, run: str) -> None:
        extras = self.state["extras"]
        bundle = Path(extras["edgecv.bundle"])
        assert (bundle / "bundle.json").is_file()
        unreadable = [str(path) for path in bundle.rglob("*") if not path.stat().st_mode & 0o004]
        assert not unreadable, unreadable
        answer = self.folder / "result.json"  # what the test wants it to be
        if extras.get("edgecv.answers"):
            samples = Path(extras["edgecv.samples"], "0.npy")
            place = results / f"{run}.answers" / ("x" if self.mode == "odd answers" else "0/evaluation")
            place.mkdir(parents=True)
            shutil.copyfile(samples, place / "0.npy")
        shutil.copyfile(answer, results / "new")
        (results / "new").rename(results / f"{run}.json")


if __name__ == "__main__":
    phone = Phone(Path(sys.argv[1]))
    given = sys.argv[2:]
    sys.exit(phone.android(given[1], given[2:]) if given[:1] == ["--android"] else phone.adb(given))
