"""A stand-in for the module `picamera2`, with the real one's channel orders and its ways to fail."""

from __future__ import annotations

import time
import types
from dataclasses import dataclass, field

import numpy as np

ORDERS = {"RGB888": (2, 1, 0), "BGR888": (0, 1, 2), "XRGB8888": (2, 1, 0, 3), "XBGR8888": (0, 1, 2, 3)}


@dataclass
class Camera:
    """The hardware: every pixel has `colour` (R, G, B); `forced` is a format that it chooses whatever was
    asked, `frames` how many it gives, `interval` seconds apart."""

    colour: tuple[int, int, int]
    forced: str | None = None
    cameras: int = 1
    frames: int = 10_000
    interval: float = 0.0
    busy: bool = False
    events: list[str] = field(default_factory=list)


class Picamera2:
    """As much of Picamera2 0.3 as a program that captures arrays uses."""

    hardware: Camera

    def __init__(self, camera_num=0):
        if camera_num >= self.hardware.cameras:
            raise IndexError("list index out of range")
        self._main = None
        self._started = False

    def create_video_configuration(self, main=None, **_):
        return {"main": {"format": "XBGR8888", "size": (1280, 720)} | (main or {})}

    def configure(self, configuration):
        if self.hardware.busy:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        width, height = configuration["main"]["size"]
        chosen = self.hardware.forced or configuration["main"]["format"]
        self._main = {"format": chosen, "size": (width - width % 2, height - height % 2)}

    def camera_configuration(self):
        return {"main": self._main}

    def start(self):
        self._started = True
        self.hardware.events.append("start")

    def capture_array(self, name="main", wait=None):
        assert (name, self._started) == ("main", True)
        assert wait is None or wait > 0
        if not self.hardware.frames:
            raise TimeoutError
        self.hardware.frames -= 1
        time.sleep(self.hardware.interval)
        width, height = self._main["size"]
        order = ORDERS.get(self._main["format"], (0,))
        pixel = np.array([*self.hardware.colour, 255], np.uint8)[list(order)]
        return np.broadcast_to(pixel, (height, width, len(order)))

    def stop(self):
        self.hardware.events.append("stop")

    def close(self):
        self.hardware.events.append("close")


def module(hardware):
    """The module, for one camera."""
    made = types.ModuleType("picamera2")
    made.Picamera2 = type("Picamera2", (Picamera2,), {"hardware": hardware})
    return made
