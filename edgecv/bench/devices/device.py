"""The devices that a benchmark can run on, by name: a machine over ssh, or a phone over adb."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import Result

from edgecv.bench.devices.address import Address
from edgecv.bench.devices.android import AdbDevice
from edgecv.bench.devices.ssh import SshDevice
from edgecv.terminal.observer import Observer


class Device(Protocol):
    """A device that is not this machine."""

    def bench(
        self,
        bundle: Path,
        options: Options,
        observer: Observer,
        *,
        samples: Path | None = None,
        answers: Path | None = None,
    ) -> Result:
        """Measure a bundle there. Either a whole result comes back, or an error and nothing stays there.

        Args:
            bundle: A folder or a .zip.
            options: What to measure.
            observer: Is told how far it is.
            samples: A folder of preprocessed inputs to be answered as the data set "evaluation", `N.npy` for input N.
            answers: Where the outputs go, `ROW/SET/N.npy` for output N; None: they are not asked for.

        Raises:
            DeviceError: The device is absent, refuses, lacks something, is full, or went away; see the message.
            BundleError: The bundle is damaged.
            DataError: The device's answer is no result of this bundle.
        """


def open_device(text: str, *, python: str = "python3", time_limit: float | None = None) -> Device:
    """The device that "ssh:user@host[:port]", "ssh:alias", "adb" or "adb:SERIAL" names; nothing is connected yet.

    Args:
        text: The name.
        python: The interpreter of a machine over ssh.
        time_limit: Seconds that the benchmark there may take; None: far more than it should need.

    Raises:
        UsageError: It names none.
    """
    address = Address.parse(text)
    if address.kind == "ssh":
        return SshDevice(address=address, python=python, time_limit=time_limit)
    return AdbDevice(serial=address.name, time_limit=time_limit)
