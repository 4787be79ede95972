"""The four layouts of sources, and where in each of them things lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv.export.packaged import packaged_sources
from edgecv.export.sources import copy, walk

PACKAGED: Final = "_micro"  # in the wheel, beside this package (pyproject.toml, force-include)
LIBRARY: Final = "edgecv"
TFLM: Final = "tflm"
MODEL: Final = "model"
HOST: Final = "host"
MARK: Final = f"{LIBRARY}/edgecv_preprocess.h"  # by which an earlier export is known


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroLayout:
    """One way in which a build system wants sources.

    Attributes:
        name: The name of the option that asks for it, and of its folder in micro_demo.
        title: The name for people.
        base: The folder that holds the library and the model; empty for the export itself.
        own: The file by which an export of this layout is known from others, as a pattern.
        steps: What is left to do, one line each; `{folder}` is the export.
        needs: What must be installed, for people.
    """

    name: str
    title: str
    base: str
    own: str
    steps: tuple[str, ...]
    needs: str

    @property
    def folder(self) -> str:
        """The folder of its own files in micro_demo."""
        return self.name.replace("-", "_")

    def is_in(self, folder: Path) -> bool:
        """Tell whether a folder holds an export of this layout."""
        return (folder / self.base / MARK).is_file() and any(folder.glob(self.own))

    def generated(self) -> tuple[str, ...]:
        """Return the folders of an export that another one replaces; all else belongs to whoever works in it."""
        return (*(f"{self.base}/{part}".lstrip("/") for part in (LIBRARY, TFLM, MODEL)), HOST)


LAYOUTS: Final[Mapping[str, MicroLayout]] = {
    one.name: one
    for one in (
        MicroLayout(
            name="cmake",
            title="CMake",
            base="",
            own="CMakeLists.txt",
            needs="CMake, a compiler, and for the example a build of tflite-micro",
            steps=(
                "cmake -B build && cmake --build build && ctest --test-dir build",
                "make -f tensorflow/lite/micro/tools/make/Makefile microlite   (in a checkout of tflite-micro)",
                "cmake -B build -DTFLM_DIR=... -DTFLM_LIBRARY=.../libtensorflow-microlite.a && cmake --build build",
                "build/example",
            ),
        ),
        MicroLayout(
            name="arduino",
            title="Arduino",
            base="src",
            own="*.ino",
            needs="the Arduino IDE or arduino-cli, and the library Chirale_TensorFLowLite or that of the board's maker",
            steps=(
                'arduino-cli lib install "Chirale_TensorFLowLite"',
                "arduino-cli compile --fqbn BOARD .",
                "arduino-cli upload --fqbn BOARD --port PORT .",
                "arduino-cli monitor --port PORT --config 115200",
            ),
        ),
        MicroLayout(
            name="esp-idf",
            title="ESP-IDF",
            base="main",
            own="main/idf_component.yml",
            needs="ESP-IDF 5 or newer, which fetches espressif/esp-tflite-micro",
            steps=("idf.py set-target esp32s3", "idf.py build", "idf.py --port PORT flash monitor"),
        ),
        MicroLayout(
            name="zephyr",
            title="Zephyr",
            base="src",
            own="prj.conf",
            needs="Zephyr and its SDK, with the module tflite-micro",
            steps=(
                "west config manifest.project-filter -- +tflite-micro && west update",
                "west build -b BOARD .",
                "west flash",
            ),
        ),
    )
}
"""Every layout by its name; the first one is the usual one."""
PARTS: Final = (LIBRARY, TFLM, HOST, *(layout.folder for layout in LAYOUTS.values()))


def home() -> Path:
    """The folder that holds `PARTS`.

    Raises:
        EdgecvError: This installation has none.
    """
    return packaged_sources(PACKAGED, "micro_demo", MARK, "C")


def copy_sources(layout: MicroLayout, folder: Path) -> None:
    """Copy the library, the example of a layout, and the self-test on a computer."""
    source = home()
    copy(source, (LIBRARY, TFLM), folder / layout.base)
    copy(source, (HOST,), folder)
    own = source / layout.folder
    copy(own, tuple(str(file.relative_to(own)) for file in walk(own)), folder)
    for sketch in folder.glob("*.ino"):  # whose name is that of its folder
        sketch.rename(folder / f"{folder.name}.ino")
