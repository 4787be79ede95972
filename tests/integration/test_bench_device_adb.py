"""Benchmarks over adb, against a stand-in for adb and a phone (tests/standin_adb.py): no phone was used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import encode_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError, DeviceError

from edgecv.bench.devices import android
from edgecv.bench.devices.address import Address
from edgecv.bench.devices.android import AdbDevice
from edgecv.terminal.observer import Silent
from tests import standin_adb
from tests.bench_results import result_of
from tests.bundles import write_bundle
from tests.standin_adb import SERIAL


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "colours.edgecv"
    write_bundle(path)
    (path / "report.html").write_text("for people")
    (path / "bundle.json").chmod(0o600)
    return path


class Phone:
    """The stand-in, and what is to be seen of it."""

    def __init__(self, folder: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.bundle, self._patch = folder, bundle, monkeypatch

    def connect(self, serial: str | None = None, limit: float = 30.0, **config: object) -> AdbDevice:
        programs = standin_adb.install(self.folder, **config)
        self.answer(self.bundle)
        self._patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        return AdbDevice(serial=serial, time_limit=limit, poll=0.01)

    def answer(self, bundle: Path, **changed: object) -> None:
        with Bundle.load(bundle) as opened:
            (self.folder / "result.json").write_bytes(encode_result(result_of(opened, **changed)))

    @property
    def extras(self):
        return json.loads((self.folder / "state.json").read_text())["extras"]

    @property
    def calls(self):
        return [json.loads(line) for line in (self.folder / "calls.txt").read_text().splitlines()]

    def left(self) -> list[Path]:
        parts = ("data/local/tmp", "sdcard")
        return [path for part in parts for path in (self.folder / "phone" / part).rglob("*") if path.is_file()]


@pytest.fixture
def phone(tmp_path, bundle, monkeypatch):
    return Phone(tmp_path, bundle, monkeypatch)


class Watching(Silent):
    def __init__(self):
        self.stages = []

    def stage(self, name, done, total):
        self.stages.append((name, done, total))


def refused(device, bundle) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        device.bench(bundle, Options(), Silent())
    assert caught.value.hint
    return caught.value


def test_the_app_measures_and_the_result_comes_back(phone, bundle):
    observer, options = Watching(), Options(rounds=3, precisions=("int8",))
    result = phone.connect().bench(bundle, options, observer)
    assert (result.place.kind, result.place.name) == ("adb", SERIAL)
    with Bundle.load(bundle) as opened:
        assert result.rows == result_of(opened).rows
    assert phone.extras["edgecv.protocol"] == 1
    assert msgspec.convert(phone.extras["edgecv.options"], Options) == options
    assert (f"{SERIAL}: measure", 1, 4) in observer.stages
    assert phone.left() == []


def test_only_what_the_app_needs_is_pushed(phone, bundle):
    phone.connect().bench(bundle, Options(), Silent())
    pushed = next(call for call in phone.calls if call[0] == "push")
    assert [Path(part).name for part in pushed[1:-1]] == ["bundle.json", "labels.txt", "golden", "onnx"]


def test_labelled_samples_are_answered(phone, bundle, tmp_path):
    samples, answers = tmp_path / "samples", tmp_path / "answers"
    samples.mkdir()
    np.save(samples / "0.npy", np.float32([[1, 2]]))
    phone.connect().bench(bundle, Options(), Silent(), samples=samples, answers=answers)
    assert [path.relative_to(answers).as_posix() for path in answers.rglob("*.npy")] == ["0/evaluation/0.npy"]
    assert phone.left() == []


def test_files_that_are_no_outputs_are_refused(phone, bundle, tmp_path):
    np.save(tmp_path / "0.npy", np.float32([[1, 2]]))
    samples = tmp_path / "samples"
    samples.mkdir()
    np.save(samples / "0.npy", np.float32([[1, 2]]))
    device = phone.connect(mode="odd answers")
    with pytest.raises(DataError, match="no output of a row"):
        device.bench(bundle, Options(), Silent(), samples=samples, answers=tmp_path / "answers")
    assert not (tmp_path / "answers").exists()
    assert phone.left() == []


def test_an_app_that_ends_after_its_result_has_not_failed(phone, bundle):
    assert phone.connect(mode="ends at once").bench(bundle, Options(), Silent()).rows


def test_no_adb(phone, bundle, monkeypatch, tmp_path):
    device = phone.connect()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(device, bundle).message == "adb is not installed here"


@pytest.mark.parametrize(
    ("devices", "message", "hint"),
    [
        ([], "no Android device is connected", "USB debugging"),
        (
            [["A1", "device"], ["emulator-5554", "device"]],
            "2 Android devices are connected: A1, emulator-5554",
            "adb:A1",
        ),
        ([["A1", "unauthorized"]], "A1 has not allowed this computer", "Allow USB debugging"),
        ([["A1", "offline"]], "A1 is offline", "kill-server"),
        ([["A1", "no permissions (user in plugdev group; are your udev rules wrong?)"]], "may not be used", "udev"),
        ([["A1", "recovery"]], "in the state 'recovery'", "Start Android"),
    ],
)
def test_phones_that_cannot_be_used(phone, bundle, devices, message, hint):
    error = refused(phone.connect(devices=devices), bundle)
    assert message in error.message
    assert hint in error.hint


def test_the_only_phone_that_is_ready_is_taken(phone, bundle):
    device = phone.connect(devices=[["A1", "offline"], ["B2", "device"]])
    assert device.bench(bundle, Options(), Silent()).place.name == "B2"


def test_a_phone_is_taken_by_its_serial(phone, bundle):
    serial = Address.parse("adb:192.168.1.7:5555").name
    device = phone.connect(serial, devices=[["A1", "device"], ["192.168.1.7:5555", "device"]])
    assert device.bench(bundle, Options(), Silent()).place.name == serial


def test_a_serial_that_is_not_there(phone, bundle):
    error = refused(phone.connect("A9", devices=[["A1", "device"]]), bundle)
    assert error.message == "adb knows no device A9"
    assert error.hint == "It knows A1"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"installed": False}, "is not installed on"),
        ({"free_kb": 1000}, "has 1 MB free"),
        ({"mode": "full"}, "the storage of R58M123ABC is full"),
        ({"mode": "old app"}, "did not start: Error type 3"),
        ({"mode": "dies"}, "ended without a result"),
        ({"mode": "gives up"}, "the GPU refused"),
        ({"mode": "hangs", "limit": 0.5}, "had no result after"),
    ],
)
def test_what_can_go_wrong_leaves_nothing(phone, bundle, config, message):
    assert message in refused(phone.connect(**config), bundle).message
    assert phone.left() == []


def test_an_app_that_never_starts(phone, bundle, monkeypatch):
    monkeypatch.setattr(android, "STARTING", 0.3)
    assert "ended without a result" in refused(phone.connect(mode="never starts"), bundle).message


@pytest.mark.parametrize("mode", ["unplugged", "unplugged while copying"])
def test_a_phone_that_is_unplugged(phone, bundle, mode):
    assert "the connection to R58M123ABC was lost" in refused(phone.connect(mode=mode), bundle).message


def test_an_answer_that_is_no_result_of_this_bundle(phone, bundle):
    device = phone.connect()
    phone.answer(bundle, identity="0" * 64)
    with pytest.raises(DataError, match="is a result of another bundle"):
        device.bench(bundle, Options(), Silent())
    (phone.folder / "result.json").write_text("{")
    with pytest.raises(DataError, match="is no benchmark result"):
        device.bench(bundle, Options(), Silent())
    assert phone.left() == []


def test_ctrl_c_stops_the_app(phone, bundle):
    class Interrupting(Silent):
        def stage(self, name, *_):
            if name.endswith("measure"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phone.connect(mode="hangs").bench(bundle, Options(), Interrupting())
    assert ["shell", "am force-stop dev.edgecv.demo"] in phone.calls
    assert phone.left() == []
