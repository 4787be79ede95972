"""A window that shows captioned pictures."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from edgecv_runtime.errors import EdgecvError, MissingDependencyError
from edgecv_runtime.interpreter import clean_command, clean_environment
from edgecv_runtime.opencv import opencv

TITLE = "edgecv"
ESCAPE = 27
GLANCE = 50  # milliseconds between looks at whether to stop
PROBE = "import cv2; cv2.namedWindow('edgecv'); cv2.waitKey(1); cv2.destroyAllWindows()"
WITH_WINDOWS = "pip uninstall -y opencv-python-headless && pip install opencv-python"


class DisplayWindow:
    """One window; q, Esc or closing it ends the run.

    Raises:
        MissingDependencyError: OpenCV was built without windows.
        EdgecvError: There is no display.
    """

    def __init__(self) -> None:
        self._cv2 = opencv()
        if _has_no_windows(self._cv2.getBuildInformation()):
            raise MissingDependencyError("this OpenCV has no windows, so --show cannot work", WITH_WINDOWS)
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise EdgecvError("there is no display to --show on", "Give --save, or run it where a desktop is")
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # the wheels' Qt complains of its fonts
        # Without a display that answers, some builds abort the whole process: let a child find out.
        probe = subprocess.run(clean_command("-c", PROBE), env=clean_environment(), capture_output=True, check=False)
        if probe.returncode:
            raise EdgecvError("no window can be opened on this display", "Give --save, or run it where a desktop is")
        self._cv2.namedWindow(TITLE, self._cv2.WINDOW_AUTOSIZE | self._cv2.WINDOW_GUI_NORMAL)
        self.closed = False

    def show(self, pixels: np.ndarray) -> None:
        """Show uint8 RGB pixels."""
        self._cv2.imshow(TITLE, self._cv2.cvtColor(pixels, self._cv2.COLOR_RGB2BGR))
        self._look(1)

    def wait(self) -> bool:
        """Look for a key for a moment; True when one was pressed or the window was closed."""
        return self._look(GLANCE)

    def close(self) -> None:
        """Take the window away."""
        self._cv2.destroyAllWindows()

    def _look(self, milliseconds: int) -> bool:
        key = self._cv2.waitKey(milliseconds)
        gone = self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1
        self.closed = self.closed or gone or (key != -1 and key & 0xFF in {ESCAPE, ord("q")})
        return key != -1 or self.closed


def _has_no_windows(information: str) -> bool:
    line = next((line for line in information.splitlines() if line.strip().startswith("GUI:")), "")
    return line.split(":")[-1].strip() == "NONE"
