"""Makes the golden vectors from the reference, each checked against Pillow or TensorFlow.

Run as `python -m tests.golden.make`. Nothing is written unless every case passes. The encoded pictures are those of
the installed Pillow.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec
import numpy as np
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.records import Record
from PIL import Image, ImageOps

from tests.golden import independent
from tests.golden.cases import Plan, plans
from tests.golden.format import (
    FOLDER,
    FORMAT_VERSION,
    INDEX,
    Case,
    Picture,
    Pixels,
    as_image,
    little_endian,
    sha256,
)
from tests.golden.pictures import Source

FOLDERS = ("pixels", "pictures", "tensors", "expected")
LIMIT = 3_000_000  # bytes


class Files:
    """What is to be written: equal files of one folder are one file, named after the first that needed it."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self._known: dict[tuple[str, str], str] = {}

    def add(self, path: str, data: bytes) -> tuple[str, str]:
        """The path and digest of the file that holds `data`."""
        digest = sha256(data)
        path = self._known.setdefault((str(PurePosixPath(path).parent), digest), path)
        if self.data.setdefault(path, data) != data:
            raise SystemExit(f"two files are named {path}")
        return path, digest

    def tensor(self, path: str, array: np.ndarray) -> GoldenTensor:
        """The entry of a tensor file."""
        path, digest = self.add(path, little_endian(array))
        return GoldenTensor(file=path, sha256=digest, shape=array.shape, dtype=array.dtype.name)


def pixels_entry(source: Source, files: Files) -> Pixels:
    """A raw file, or the formula that stands for it."""
    height, width, channels = source.pixels.shape
    path, digest = None, sha256(source.pixels.tobytes())
    if source.formula is None:
        path, digest = files.add(f"pixels/{source.name}.bin", source.pixels.tobytes())
    return Pixels(file=path, formula=source.formula, height=height, width=width, channels=channels, sha256=digest)


def picture_entry(source: Source, files: Files) -> Picture | None:
    """The encoded file, where there is one."""
    if not source.data:
        return None
    path, digest = files.add(f"pictures/{source.name}{source.suffix}", source.data)
    return Picture(file=path, sha256=digest)


def make(plan: Plan, files: Files) -> Case:
    """The case with the reference's answer, checked."""
    given: np.ndarray | Image.Image
    given = plan.tensor if plan.source is None else as_image(plan.source.pixels, plan.orientation)
    expected = Preprocessor(plan.spec, plan.io)(given)
    check(plan, given, expected)
    return Case(
        name=plan.name,
        spec=plan.spec,
        io=plan.io,
        pixels=None if plan.source is None else pixels_entry(plan.source, files),
        orientation=plan.orientation,
        picture=None if plan.source is None else picture_entry(plan.source, files),
        tensor=None if plan.tensor is None else files.tensor(f"tensors/{plan.name}.bin", plan.tensor),
        expected=files.tensor(f"expected/{plan.name}.bin", expected),
    )


def check(plan: Plan, given: np.ndarray | Image.Image, expected: np.ndarray) -> None:
    """Fail unless Pillow or TensorFlow, and plain NumPy after them, say the same.

    Pillow's semantics and tensors: every bit. TensorFlow's: the resampling within 1e-4 of a grey level (so that the
    integers differ only where a rounding tie is that near), and every bit of what follows it.
    """
    if expected.shape != plan.io.shape or expected.dtype != plan.io.dtype:
        raise SystemExit(f"{plan.name}: got {expected.dtype} {expected.shape}")
    real = check_resampling(plan, given)
    if not independent.same_bits(independent.finish(real, plan.io), expected):
        raise SystemExit(f"{plan.name}: differs from the independent computation")
    if plan.source is not None and plan.source.data:
        check_decoding(plan, plan.source, expected)


def check_resampling(plan: Plan, given: np.ndarray | Image.Image) -> np.ndarray:
    """Normalized float32 values without a batch: independent ones, but for TensorFlow's kernels the reference's."""
    if plan.source is None:
        assert plan.tensor is not None
        return independent.normalize(plan.tensor, plan.spec)
    own = independent.levels(plan.source.pixels, plan.orientation, plan.spec)
    if plan.spec.resize.semantics == "pillow":
        return independent.normalize(own, plan.spec)
    plain = msgspec.structs.replace(plan.spec, normalize=type(plan.spec.normalize)())
    levels = Preprocessor(plain)(given)[0]
    error = np.abs(levels.astype(np.float64) - own).max()
    if not error < independent.LEVEL:
        raise SystemExit(f"{plan.name}: {error:.2e} grey levels from TensorFlow")
    return independent.normalize(levels, plan.spec)


def check_decoding(plan: Plan, source: Source, expected: np.ndarray) -> None:
    """The file gives the pixels' answer; and Pillow turns it as we do."""
    if not independent.same_bits(Preprocessor(plan.spec, plan.io)(source.data), expected):
        raise SystemExit(f"{plan.name}: the encoded picture gives another answer than its pixels")
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(source.data)))
    turned = independent.colored(independent.turn(source.pixels, source.orientation), "rgb")
    if upright.mode != "I;16" and not np.array_equal(np.asarray(upright.convert("RGBA").convert("RGB")), turned):
        raise SystemExit(f"{plan.name}: Pillow turns the picture differently")


def encode_index(cases: Sequence[Record]) -> bytes:
    """One case a line, so that a change shows which."""
    lines = b",\n".join(msgspec.json.encode(case) for case in cases)
    return b'{"format_version":%d,"cases":[\n%s\n]}\n' % (FORMAT_VERSION, lines)


def build() -> dict[str, bytes]:
    """All files by their path in the folder."""
    files = Files()
    cases = [make(plan, files) for plan in plans()]
    if len({case.name for case in cases}) != len(cases):
        raise SystemExit("two cases have one name")
    files.data[INDEX.name] = encode_index(cases)
    return files.data


def write(files: dict[str, bytes]) -> None:
    """Replace what is in the folder."""
    old = {path for folder in FOLDERS for path in (FOLDER / folder).glob("*")}
    for path in old - {FOLDER / name for name in files}:
        path.unlink()
    for name, data in files.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


def main() -> None:
    """Make, check, write, and read back."""
    files = build()
    total = sum(map(len, files.values()))
    if total > LIMIT:
        raise SystemExit(f"{total} bytes are more than {LIMIT}")
    write(files)
    cases = msgspec.json.decode(files[INDEX.name])["cases"]
    sys.stdout.write(f"{len(cases)} cases, {len(files)} files, {total} bytes\n")


if __name__ == "__main__":
    main()
