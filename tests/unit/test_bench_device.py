"""Names of devices, words of ssh and adb, and what is refused of an answer; nothing is connected."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import RESULT_VERSION, encode_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError, UsageError

from edgecv.bench.devices import agent, protocol
from edgecv.bench.devices.adb import Adb, Attached, attached
from edgecv.bench.devices.address import Address
from edgecv.bench.devices.android import AdbDevice
from edgecv.bench.devices.answers import read_import, take_answers, unpack_answers
from edgecv.bench.devices.device import open_device
from edgecv.bench.devices.limits import time_limit
from edgecv.bench.devices.messages import Failed, StderrLine, decode
from edgecv.bench.devices.payload import Payload
from edgecv.bench.devices.session import command
from edgecv.bench.devices.ssh import SshDevice
from edgecv.bench.devices.ssh_errors import explain_start
from tests.bench_results import result_of
from tests.bundles import write_bundle

DOCS = Path(__file__).resolve().parents[2] / "docs" / "bench_devices.md"
TOKEN = "token:"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "colours.edgecv"
    write_bundle(path)
    (path / "report.html").write_text("for people")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adb", Address("adb")),
        ("adb:R58M123", Address("adb", "R58M123")),
        ("adb:192.168.1.7:5555", Address("adb", "192.168.1.7:5555")),
        ("ssh:pi", Address("ssh", "pi")),
        ("ssh:pi@raspberrypi.local", Address("ssh", "pi@raspberrypi.local")),
        ("ssh:pi@10.0.0.2:2222", Address("ssh", "pi@10.0.0.2", 2222)),
        ("ssh:pi@[fe80::1%eth0]:22", Address("ssh", "pi@fe80::1%eth0", 22)),
        ("ssh:[::1]", Address("ssh", "::1")),
    ],
)
def test_names_of_devices(text, expected):
    assert Address.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "pi", "adb:", "adb: x", "adb:-d", "usb:1", "ssh:", "ssh:@host", "ssh:user@", "ssh:-oProxyCommand=x"),
        *(
            "ssh:-l@host",
            "ssh:u@-host",
            "ssh:a b",
            "ssh:host:",
            "ssh:host:x",
            "ssh:host:0",
            "ssh:host:65536",
            "ssh:fe80::1",
        ),
    ],
)
def test_names_of_no_device(text):
    with pytest.raises(UsageError) as caught:
        open_device(text)
    assert "ssh:user@host" in caught.value.hint


def test_devices_are_opened_without_a_connection():
    ssh = open_device("ssh:pi@host", python="~/edgecv/bin/python", time_limit=60)
    assert isinstance(ssh, SshDevice)
    assert (ssh.name, ssh.python, ssh.time_limit) == ("pi@host", "~/edgecv/bin/python", 60)
    assert open_device("adb:A1") == AdbDevice(serial="A1")


def test_ssh_never_prompts_and_takes_the_host_for_no_option():
    words = command(Address.parse("ssh:pi@host:2222"), "python3", TOKEN, 10)
    assert words[0] == "ssh"
    assert {"BatchMode=yes", "ConnectTimeout=15"} <= set(words)
    assert words[words.index("-p") + 1] == "2222"
    assert words[-3:-1] == ["--", "pi@host"]
    assert "StrictHostKeyChecking" not in " ".join(words)


@pytest.mark.parametrize(
    ("python", "started"),
    [("python3", "exec python3 -u"), ("~/my env/python", "exec ~/'my env/python' -u"), ("a;b", "exec 'a;b' -u")],
)
def test_the_interpreter_is_one_word_for_the_shell(python, started):
    assert command(Address("ssh", "pi"), python, TOKEN, 10)[-1].startswith(started)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("ssh: connect to host pi port 22: Connection timed out", "does not answer"),
        ("ssh: connect to host pi port 22: No route to host", "does not answer"),
        ("ssh: Could not resolve hostname pi: Temporary failure in name resolution", "no machine is called pi"),
        ("pi@pi: Permission denied (publickey,password).", "refused to log in"),
        ("Bad owner or permissions on /home/x/.ssh/config", "does not take its own configuration"),
        ("kex_exchange_identification: read: Connection reset by peer", "failed with exit code 255: kex_exchange"),
    ],
)
def test_words_of_ssh(said, message):
    error = explain_start("pi", "python3", 255, ["a banner", said])
    assert message in error.message
    assert error.hint


def test_an_account_without_a_shell_is_told_in_its_own_words():
    error = explain_start("pi", "python3", 1, ["This account is currently not available."])
    assert "exit code 1: This account is currently not available." in error.message


def adb_that_says(folder: Path, monkeypatch, text: str) -> None:
    (folder / "adb").write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_adb_devices_is_read_with_its_noise(tmp_path, monkeypatch):
    listing = (
        "* daemon started successfully\nList of devices attached\nA1\tdevice\n\n????\tno permissions (udev); see [x]\n"
    )
    adb_that_says(tmp_path, monkeypatch, listing)
    assert attached() == (Attached("A1", "device"), Attached("????", "no permissions (udev); see [x]"))


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/fuse 100 40 60 40% /data", 60 << 10),
        ("df: unknown option", None),
        ("", None),
    ],
)
def test_df_is_read_or_left(tmp_path, monkeypatch, text, free):
    adb_that_says(tmp_path, monkeypatch, text)
    assert Adb("A1").free_bytes("/data/local/tmp") == free


def test_an_import_is_told_as_one(bundle, tmp_path):
    with Bundle.load(bundle) as opened:
        result = result_of(opened)
    (tmp_path / "phone.json").write_bytes(encode_result(result))
    for given in (None, bundle):
        found = read_import(tmp_path / "phone.json", given)
        assert (found.place.kind, found.place.name) == ("import", "phone.json")
        assert found.rows == result.rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda said: said.update(schema_version=RESULT_VERSION + 1),
            f"schema version {RESULT_VERSION + 1}, this edgecv reads",
        ),
        (lambda said: said.update(speed=1), "speed"),
        (lambda said: said["rows"][0].update(threads="one"), r"\$.rows\[0\].threads"),
        (lambda said: said["rows"][0]["inference"].update(p50_us=-1), "p50_us"),
        (lambda said: said.pop("machine"), "machine"),
        (
            lambda said: said.update(identity="0" * 64),
            "is a result of another bundle: colours 000000000000, not colours",
        ),
        (lambda said: said.update(rows=[]), "has no rows"),
        (lambda said: said["rows"][0].update(artifact="x.onnx"), "names x.onnx, which the bundle has not"),
        (lambda said: said["rows"][0].update(sha256="0" * 64), "of other content"),
    ],
)
def test_what_is_no_result_of_the_bundle(bundle, tmp_path, change, message):
    with Bundle.load(bundle) as opened:
        said = json.loads(encode_result(result_of(opened)))
    change(said)
    (tmp_path / "phone.json").write_text(json.dumps(said))
    with pytest.raises(DataError, match=message) as caught:
        read_import(tmp_path / "phone.json", bundle)
    assert caught.value.hint


def test_an_empty_import_without_a_bundle(bundle, tmp_path):
    with Bundle.load(bundle) as opened:
        (tmp_path / "phone.json").write_bytes(encode_result(result_of(opened, rows=())))
    with pytest.raises(DataError, match="has no rows"):
        read_import(tmp_path / "phone.json")


def packed(*entries: tuple[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file


def test_outputs_are_unpacked(tmp_path):
    unpack_answers(packed(("0/golden/0.npy", b"a"), ("./12/evaluation/1.npy", b"b")), tmp_path, "pi")
    assert (tmp_path / "0/golden/0.npy").read_bytes() == b"a"
    assert (tmp_path / "12/evaluation/1.npy").read_bytes() == b"b"


@pytest.mark.parametrize(
    "name", ["../0/golden/0.npy", "/0/golden/0.npy", "0/golden/0.npy/../../x", "0/other/0.npy", "x"]
)
def test_outputs_stay_in_their_folder(tmp_path, name):
    with pytest.raises(DataError, match="no output of a row"):
        unpack_answers(packed((name, b"a")), tmp_path / "answers", "pi")
    assert not (tmp_path / "answers").exists()


def test_links_among_outputs_are_not_followed(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("0/golden/0.npy")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    unpack_answers(file, tmp_path, "pi")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "0").symlink_to("/etc")
    with pytest.raises(DataError, match="has no outputs"):
        take_answers(tmp_path, tmp_path / "answers", "A1")


def test_outputs_that_are_cut_off(tmp_path):
    whole = packed(("0/golden/0.npy", np.float32([1]).tobytes() * 500)).getvalue()
    for data in (b"", b"no tar" * 200, whole[:700]):
        with pytest.raises(DataError, match="are no tar file"):
            unpack_answers(io.BytesIO(data), tmp_path / "answers", "pi")


def test_the_payload_is_the_bundle_and_the_runtime(bundle):
    payload = Payload.of(bundle)
    names = {name for name, _ in payload.files}
    assert {
        "bundle.edgecv/bundle.json",
        "bundle.edgecv/onnx/model.int8.onnx",
        "edgecv_runtime/bench/__main__.py",
    } <= names
    assert not any("report" in name or "__pycache__" in name for name in names)
    stream, told = io.BytesIO(), []
    payload.write(stream, lambda sent, total: told.append((sent, total)))
    assert told[-1][0] == told[-1][1] == sum(path.stat().st_size for _, path in payload.files)
    assert payload.size >= told[-1][1]
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as archive:
        assert {entry.name for entry in archive} == names | {f"edgecv-{payload.version}.dist-info/METADATA"}


def test_the_time_limit_grows_with_what_is_asked_for(bundle):
    with Bundle.load(bundle) as opened:
        short = time_limit(opened.manifest, Options())
        long = time_limit(opened.manifest, Options(sustained_seconds=600))
    assert short >= 3600
    assert long >= short + 600 * len(opened.manifest.artifacts)


def test_lines_that_are_no_message():
    assert decode(b'{"kind": "line", "text": "x"}') == StderrLine("x")
    assert decode(b'{"kind": "failed", "reason": "x", "full": true}') == Failed("x", full=True)
    for line in (
        b"",
        b"{",
        b'{"kind": "other"}',
        b'{"kind": "line", "text": 1}',
        b'{"kind": "line", "text": "x", "more": 1}',
        b"\xff",
    ):
        assert decode(line) is None


class Agent:
    """The agent as the device's Python runs it, on pipes; it gives up after a second of silence."""

    def __init__(self, temporary: Path) -> None:
        code = Path(agent.__file__).read_text().replace("SILENCE: Final = 60", "SILENCE: Final = 1")
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, TOKEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def message(self):
        return json.loads(self.stdout.readline().removeprefix(TOKEN.encode()))

    def start(self, script: str) -> None:
        plan = {"command": ["-c", script], "result": "result.json", "answers": "answers", "seconds": 30}
        self.stdin.write(json.dumps(plan).encode() + b"\n" + packed(("bundle/x", b"x")).getvalue())
        self.stdin.flush()


def test_the_agent_ends_when_the_other_end_falls_silent(tmp_path):
    with Agent(tmp_path) as there:
        assert there.message()["kind"] == "hello"
        assert len(list(tmp_path.iterdir())) == 1
        there.process.wait(10)
    assert list(tmp_path.iterdir()) == []


def test_the_agent_ends_in_the_middle_of_a_benchmark_when_it_hears_nothing(tmp_path):
    with Agent(tmp_path) as there:
        there.message()
        there.start("import time; time.sleep(60)")
        assert there.message()["kind"] == "unpacked"
        began = time.monotonic()
        there.process.wait(20)
        assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_the_agent_ends_on_sigterm_and_takes_all_with_it(tmp_path):
    with Agent(tmp_path) as there:
        there.message()
        there.start("import os, time; print(os.getpid(), file=__import__('sys').stderr, flush=True); time.sleep(60)")
        assert there.message()["kind"] == "unpacked"
        worker = int(there.message()["text"])
        there.process.send_signal(signal.SIGTERM)
        there.process.wait(10)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_the_agent_ends_when_the_stream_is_cut_off(tmp_path):
    with Agent(tmp_path) as there:
        there.message()
        there.stdin.write(b'{"command": [], "result": "r", "answers": "a", "seconds": 1}\n' + b"x" * 100)
        there.stdin.close()
        assert there.process.wait(10) == 0
        assert there.stdout.read() == b""
        there.process.stdin = None
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_a_folder_is_told(tmp_path):
    full = (
        "import tempfile\ndef mkdtemp(**_): raise OSError(28, 'No space left on device')\ntempfile.mkdtemp = mkdtemp\n"
    )
    code = full + Path(agent.__file__).read_text().replace("from __future__ import annotations", "")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, TOKEN], capture_output=True, check=True, env=environment)
    assert decode(done.stdout.removeprefix(TOKEN.encode())) == Failed("No space left on device", full=True)


def test_the_docs_tell_the_protocol():
    text = DOCS.read_text(encoding="utf-8")
    said = [protocol.PACKAGE, protocol.ACTIVITY, protocol.FOLDER, protocol.RESULTS, str(protocol.VERSION)]
    said += [name for _, name in (protocol.PROTOCOL, protocol.RUN, protocol.BUNDLE, protocol.SAMPLES, protocol.ANSWERS)]
    said += [protocol.OPTIONS[1], "RUN.json", "RUN.progress.json", "RUN.error.json", "RUN.answers"]
    said += [*protocol.AppProgress.__struct_fields__, *protocol.AppError.__struct_fields__]
    assert [word for word in said if f"`{word}`" not in text] == []
