"""The words of OpenSSH and of a device's shell, as errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgecv_runtime.errors import DeviceError

SSH_FAILED: Final = 255  # what ssh exits with when it, not the command, failed
NOT_FOUND: Final = (126, 127)  # what a shell exits with where the command is missing or no program
OLD_PYTHON: Final = "edgecv: this is Python "


@dataclass(frozen=True, slots=True)
class _Known:
    pattern: str
    message: str
    hint: str


_KNOWN: Final = (
    _Known(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {name} is not the one that ssh knows",
        "If the device was installed anew: ssh-keygen -R HOST, then connect once by hand; if not, do not go on",
    ),
    _Known(
        r"Host key verification failed|host key is known for",
        "ssh does not know the host key of {name}",
        "Connect once by hand and compare the key it shows: ssh {name}",
    ),
    _Known(
        r"Permission denied \(|Too many authentication failures|Load key .*: ",
        "{name} refused to log in: no key that ssh has here is accepted there",
        "Set up a key that needs no prompt: ssh-copy-id {name} (or ssh-add for one with a passphrase)",
    ),
    _Known(
        r"Could not resolve hostname|Name or service not known",
        "no machine is called {name}",
        "Check the spelling, or give its address: ssh:user@192.168.1.20",
    ),
    _Known(
        r"Connection refused",
        "{name} is there but takes no ssh connections on that port",
        "Turn ssh on there, or give the port: ssh:user@host:2222",
    ),
    _Known(
        r"timed out|No route to host|Network is unreachable|Host is down",
        "{name} does not answer",
        "Is it switched on and on the same network?",
    ),
    _Known(
        r"Bad configuration option|Bad owner or permissions|terminating, \d+ bad configuration",
        "ssh does not take its own configuration",
        "Try by hand: ssh {name} true",
    ),
)


def explain_start(name: str, python: str, code: int, said: Sequence[str]) -> DeviceError:
    """Explain why the agent never spoke; `said` is what ssh and the device's shell wrote on stderr."""
    text = "\n".join(said)
    if OLD_PYTHON in text:
        version = re.search(rf"{OLD_PYTHON}([\d.]+)", text)
        return DeviceError(
            f"{python} on {name} is Python {version[1] if version else '(unknown)'}, the runtime needs 3.11 or newer",
            "Name another interpreter there: --device-python PATH",
        )
    if code in NOT_FOUND:
        return DeviceError(
            f"{name} has no program {python}",
            "Install Python 3.11 or newer there, or name its interpreter: --device-python PATH",
        )
    for known in _KNOWN:
        if code == SSH_FAILED and re.search(known.pattern, text):
            return DeviceError(known.message.format(name=name), known.hint.format(name=name))
    last = next((line for line in reversed(said) if line.strip()), "it said nothing")
    return DeviceError(f"ssh to {name} failed with exit code {code}: {last}", f"Try by hand: ssh {name} {python} -V")


def explain_loss(name: str, doing: str) -> DeviceError:
    """The connection ended while the agent was at work."""
    return DeviceError(
        f"the connection to {name} was lost while {doing}",
        f"No result was kept; {name} stops the benchmark and removes its files by itself when it notices",
    )
