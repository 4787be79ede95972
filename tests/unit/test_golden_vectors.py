"""The committed vectors: whole, what the reference still gives, and able to tell a wrong implementation."""

from __future__ import annotations

import re
from fractions import Fraction
from math import floor

import msgspec
import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor, decode
from edgecv_runtime.schema import Preprocess

from tests.golden import independent, make
from tests.golden.cases import plans
from tests.golden.format import (
    FOLDER,
    FORMAT_VERSION,
    INDEX,
    ORIENTATION,
    Index,
    as_image,
    read_index,
    read_pixels,
    read_tensor,
    run,
    sha256,
)

CASES = {case.name: case for case in read_index().cases}
ENCODED = [case for case in CASES.values() if case.picture is not None]
PILLOW = [case for case in CASES.values() if case.pixels is not None and case.spec.resize.semantics == "pillow"]


def entries():
    for case in CASES.values():
        yield from (entry for entry in (case.pixels, case.picture, case.tensor, case.expected) if entry is not None)


@pytest.mark.parametrize("name", CASES)
def test_the_reference_still_gives_the_committed_bits(name):
    expected = read_tensor(CASES[name].expected)
    got = run(CASES[name])
    np.testing.assert_array_equal(got, expected, strict=True)
    assert independent.same_bits(got, expected)


@pytest.mark.filterwarnings("ignore::edgecv_runtime.picture_files.PictureWarning")
@pytest.mark.parametrize("case", ENCODED, ids=lambda case: case.name)
def test_the_encoded_picture_is_the_committed_pixels(case):
    data = (FOLDER / case.picture.file).read_bytes()
    stored = decode(data, Preprocess(orientation="ignore", depth=case.spec.depth))
    assert np.array_equal(np.asarray(stored), independent.colored(read_pixels(case.pixels), "rgb"))
    assert stored.getexif().get(ORIENTATION, 1) == case.orientation
    assert independent.same_bits(Preprocessor(case.spec, case.io)(data), read_tensor(case.expected))


def test_every_digest_is_that_of_its_file():
    files = {entry.file: entry.sha256 for entry in entries() if entry.file is not None}
    assert {file: sha256((FOLDER / file).read_bytes()) for file in files} == files
    formulas = {entry for entry in entries() if getattr(entry, "formula", None) is not None}
    assert formulas
    assert all(sha256(read_pixels(entry).tobytes()) == entry.sha256 for entry in formulas)


def test_there_is_no_file_that_no_case_needs():
    needed = {entry.file for entry in entries()} - {None}
    found = {path.relative_to(FOLDER).as_posix() for folder in make.FOLDERS for path in (FOLDER / folder).iterdir()}
    assert found == needed


def test_the_vectors_are_many_and_small():
    index = read_index()
    assert index.format_version == FORMAT_VERSION
    assert len(index.cases) == len(CASES) >= 60
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in CASES)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < make.LIMIT


def test_each_case_starts_from_one_thing_and_ends_in_its_input():
    for case in CASES.values():
        assert (case.pixels is None) == (case.spec.kind == "tensor") == (case.tensor is not None)
        assert case.pixels is None or (case.pixels.file is None) != (case.pixels.formula is None)
        assert (case.expected.shape, case.expected.dtype) == (case.io.shape, case.io.dtype)
        assert np.isfinite(read_tensor(case.expected).astype(np.float32)).all()


def test_unknown_keys_are_refused():
    text = INDEX.read_text(encoding="utf-8")
    assert msgspec.json.decode(text, type=Index) == read_index()
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`"):
        msgspec.json.decode(text.replace('"name":', '"colour":1,"name":', 1), type=Index)


def test_floats_are_the_shortest_decimals_of_float32():
    for case in CASES.values():
        scale = () if case.io.quantization is None else (case.io.quantization.scale,)
        for value in (*case.spec.normalize.scale, *case.spec.normalize.offset, *scale):
            assert value == float(str(np.float32(value))), case.name


def test_the_script_makes_the_committed_files_again():
    """But for the pictures of encoders (another Pillow may write other bytes), and the largest, for its time."""
    files, seen = make.Files(), 0
    for plan in plans():
        if plan.source is None or not (plan.source.data or plan.source.name == "huge"):
            case = make.make(plan, files)
            assert case == CASES[plan.name]
            assert make.encode_index([case]) == make.encode_index([CASES[plan.name]])
            seen += 1
    assert seen > 100
    assert all((FOLDER / name).read_bytes() == data for name, data in files.data.items())


def test_the_index_lists_the_planned_cases_in_their_order():
    planned = [(plan.name, plan.spec, plan.io, plan.orientation) for plan in plans()]
    assert [(case.name, case.spec, case.io, case.orientation) for case in CASES.values()] == planned


def test_the_script_stops_where_the_reference_is_wrong(monkeypatch):
    plan = next(plan for plan in plans() if plan.name == "preset_torch")
    right = make.Preprocessor
    monkeypatch.setattr(make, "Preprocessor", lambda spec, io: lambda given: np.nextafter(right(spec, io)(given), 1))
    with pytest.raises(SystemExit, match="preset_torch: differs from the independent computation"):
        make.make(plan, make.Files())


def fused(values, spec):
    wide = values.astype(np.float64) * np.float32(spec.normalize.scale)
    return (wide + np.float32(spec.normalize.offset)).astype(np.float32)


def integers(rounded):
    def finish(values, io):
        if io.quantization is None:
            return RIGHT.finish(values, io)
        batch = independent.batched(values, io)
        steps = rounded(batch, np.float32(io.quantization.scale)) + np.float64(io.quantization.zero_point)
        return np.clip(steps, *independent.INTEGER_LIMITS[io.dtype]).astype(io.dtype)

    return finish


def wrapping(values, io):
    if io.quantization is None:
        return RIGHT.finish(values, io)
    batch = independent.batched(values, io)
    steps = np.rint(batch / np.float32(io.quantization.scale)).astype(np.int64) + io.quantization.zero_point
    return steps.astype(io.dtype)


def truncated_halves(values, io):
    if io.dtype != "float16":
        return RIGHT.finish(values, io)
    near = RIGHT.finish(values, io)
    wide = RIGHT.finish(values, msgspec.structs.replace(io, dtype="float32"))
    return np.where(np.abs(near) > np.abs(wide), np.nextafter(near, np.float16(0)), near)


def no_subnormals(values, io):
    made = RIGHT.finish(values, io)
    return made if io.dtype != "float16" else np.where(np.abs(made) < np.finfo(np.float16).tiny, np.float16(0), made)


class RIGHT:
    """The functions that the mistakes replace."""

    colored, turn, fit, finish = independent.colored, independent.turn, independent.fit, independent.finish


def luma(pixels, color):
    if color != "gray" or pixels.shape[2] == 1:
        return RIGHT.colored(pixels, color)
    return (pixels @ np.float64([0.299, 0.587, 0.114])).astype(np.uint8)[..., None]


def gray_of_bgr(pixels, color):
    return RIGHT.colored(pixels[..., ::-1] if color == "gray" else pixels, color)


def letterbox_down(pixels, spec):
    """The scaled size truncated, not rounded."""
    if spec.fit.mode != "letterbox":
        return RIGHT.fit(pixels, spec)
    (height, width), (h, w) = spec.size, pixels.shape[:2]
    scale = min(Fraction(height, h), Fraction(width, w))
    h, w = (max(1, floor(side * scale)) for side in (h, w))
    canvas = np.full((height, width, pixels.shape[2]), spec.fit.pad or 0, np.float32)
    return independent.paste(canvas, independent.resize(pixels, h, w, spec), (height - h) // 2, (width - w) // 2)


MISTAKES = {
    "normalizes with one fused operation": ("normalize", fused),
    "rounds ties away from zero": ("finish", integers(lambda y, s: np.trunc(y / s + np.copysign(0.5, y)))),
    "rounds ties up": ("finish", integers(lambda y, s: np.floor(y / s + np.float32(0.5)))),
    "truncates": ("finish", integers(lambda y, s: np.trunc(y / s))),
    "multiplies by 1 / s": ("finish", integers(lambda y, s: np.rint(y * (np.float32(1) / s)))),
    "divides in float64": ("finish", integers(lambda y, s: np.rint(y.astype(np.float64) / float(s)))),
    "wraps where it should clamp": ("finish", wrapping),
    "truncates to float16": ("finish", truncated_halves),
    "flushes subnormal float16": ("finish", no_subnormals),
    "takes a floating-point gray": ("colored", luma),
    "takes the gray of BGR": ("colored", gray_of_bgr),
    "turns 6 as 8": ("turn", lambda p, n: RIGHT.turn(p, {6: 8, 8: 6}.get(n, n))),
    "turns 5 as 7": ("turn", lambda p, n: RIGHT.turn(p, {5: 7, 7: 5}.get(n, n))),
    "truncates the letterbox's size": ("fit", letterbox_down),
    "rounds the crop's place up": ("centre", lambda want, have: (want - have) // 2),
    "rounds the crop's place down": (
        "centre",
        lambda want, have: (want - have) // 2 if have < want else -((have - want) // 2),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_implementation_that_makes_a_mistake_fails_a_case(mistake, monkeypatch):
    name, wrong = MISTAKES[mistake]
    monkeypatch.setattr(independent, name, wrong)
    cases = [case for case in PILLOW if case.pixels.formula is None]
    failed = [case.name for case in cases if not independent.same_bits(independently(case), read_tensor(case.expected))]
    print(f"{mistake}: {len(failed)} of {len(cases)} cases fail")
    assert failed


def independently(case):
    values = independent.from_pixels(read_pixels(case.pixels), case.orientation, case.spec)
    return independent.finish(values, case.io)


def test_the_independent_computation_makes_none():
    for case in (case for case in PILLOW if case.pixels.formula is None):
        assert independent.same_bits(independently(case), read_tensor(case.expected)), case.name


def test_a_picture_turned_by_its_exif_is_the_one_turned_by_hand():
    case = CASES["orientation_6"]
    image = as_image(read_pixels(case.pixels), case.orientation)
    assert independent.same_bits(Preprocessor(case.spec, case.io)(image), read_tensor(case.expected))
