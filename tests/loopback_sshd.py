"""A real OpenSSH server on loopback for the tests: its own keys, its own configuration, no system service."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
SSH = shutil.which("ssh")
SEPARATION = Path("/run/sshd")  # Debian's sshd wants it when root starts it


def missing() -> str | None:
    """Why there can be no server here, or None."""
    if sys.platform != "linux":
        return "the server's sessions are found by Linux's /proc"
    try:
        shell = Path(pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh").name
    except KeyError:
        return "this user has no account to log in to"
    if shell in {"nologin", "false"}:
        return f"this user's login shell is {shell}"
    for program in ("sshd", "ssh", "ssh-keygen"):
        if shutil.which(program, path=SEARCHED) is None:
            return f"{program} is not installed here (apt install openssh-server openssh-client)"
    return None


@dataclass(frozen=True)
class Server:
    """`port` on 127.0.0.1; `temporary` is the folder for temporary files of whoever logs in."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    temporary: Path

    @property
    def address(self) -> str:
        return f"ssh:{getpass.getuser()}@127.0.0.1:{self.port}"

    def client(self, *, key: str = "key", known: str = "known_hosts") -> Path:
        """A folder for PATH with an `ssh` that is the real one with a configuration of the test."""
        place = self.folder / f"client-{key}-{known}"
        place.mkdir(exist_ok=True)
        config = place / "config"
        config.write_text(
            f"Host alias\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"Host *\n  IdentityFile {self.folder / key}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.folder / known}\n  GlobalKnownHostsFile none\n"
        )
        script = place / "ssh"
        script.write_text(f'#!/bin/sh\nexec {SSH} -F {config} "$@"\n')
        script.chmod(0o755)
        return place

    def kill_sessions(self) -> int:
        """Kill the server's processes of every connection; how many there were."""
        pids = [pid for pid in descendants(self.process.pid) if name_of(pid).startswith("sshd")]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)


def descendants(pid: int) -> list[int]:
    """All processes below one, by Linux's /proc."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return [each for child in children for each in (child, *descendants(child))]


def name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text()
    return ""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def make_key(path: Path) -> str:
    """A new key; its public line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path.with_suffix(".pub").read_text()


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """A running server; it and what it made are gone afterwards."""
    port, temporary = free_port(), folder / "device_tmp"
    temporary.mkdir()
    host, other = make_key(folder / "host"), make_key(folder / "other_host")
    (folder / "authorized").write_text(make_key(folder / "key"))
    make_key(folder / "stranger")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}")
    (folder / "changed_hosts").write_text(f"[127.0.0.1]:{port} {other}")
    (folder / "no_hosts").write_text("")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        f"PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nPrintMotd no\nSetEnv TMPDIR={temporary}\n"
    )
    with _separation(), (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([shutil.which("sshd", path=SEARCHED), "-D", "-e", "-f", config], stderr=log)
        try:
            _wait(port, process, folder)
            yield Server(process, folder, port, temporary)
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def _separation() -> Iterator[None]:
    made = os.geteuid() == 0 and not SEPARATION.exists()
    if made:
        SEPARATION.mkdir(mode=0o755)
    try:
        yield
    finally:
        if made:
            SEPARATION.rmdir()


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"sshd did not start: {(folder / 'sshd.log').read_text()}")
