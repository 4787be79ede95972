"""Golden vectors of decoding: a head, a model's outputs, a picture's size, and the answer.

Usage: python -m tests.golden.decode

decode/README.md describes the files. Nothing is written unless edgecv and `decode_independent` give the same numbers in
every case, and an exponential that is wrong in its last digits gives them as well: every language's own is good enough.
"""

from __future__ import annotations

import shutil
import sys

import msgspec
import numpy as np
from edgecv_runtime.geometry import view_of
from edgecv_runtime.golden_schema import GoldenAnswer, GoldenTensor
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.records import Record
from edgecv_runtime.schema import HeadSpec, Preprocess, TensorSpec

from tests.golden import decode_independent as independent
from tests.golden.decode_box_plans import box_plans
from tests.golden.decode_picture_plans import picture_plans
from tests.golden.decode_plans import Plan
from tests.golden.decode_row_plans import row_plans
from tests.golden.format import FOLDER, FORMAT_VERSION, read_tensor
from tests.golden.make import Files

PLACE = FOLDER / "decode"
INDEX = PLACE / "index.json"
LIMIT = 480_000  # bytes
NUDGES = (1 - 2**-50, 1 + 2**-50)  # four units in the last place of float64


class DecodeCase(Record, frozen=True, kw_only=True):
    """One vector: `picture` is (height, width), upright; None where places are those in the input."""

    name: str
    head: HeadSpec
    outputs: dict[str, GoldenTensor]
    preprocess: Preprocess
    picture: tuple[int, int] | None
    expected: GoldenAnswer


class DecodeIndex(Record, frozen=True, kw_only=True):
    """All of `decode/index.json`."""

    format_version: int
    cases: tuple[DecodeCase, ...]


def read_index() -> DecodeIndex:
    """The committed index; unknown keys are refused."""
    return msgspec.json.decode(INDEX.read_bytes(), type=DecodeIndex)


def read_outputs(case: DecodeCase) -> independent.Outputs:
    """The outputs of a case, by their names."""
    return {name: read_tensor(entry, PLACE) for name, entry in case.outputs.items()}


def decoded(
    head: HeadSpec, outputs: independent.Outputs, preprocess: Preprocess, picture: tuple[int, int] | None
) -> independent.Answer:
    """What edgecv makes of outputs."""
    tensors = [TensorSpec(name=name, shape=array.shape, dtype=array.dtype.name) for name, array in outputs.items()]
    view = None if picture is None else view_of(preprocess, *picture)
    return open_head(head, tensors, preprocess.size).recorded(outputs, view)


def same(left: independent.Answer, right: independent.Answer) -> bool:
    """Whether two answers are equal, in every number, and in shape and dtype; -0.0 is 0.0."""
    return left[0] == right[0] and left[1].dtype == right[1].dtype and np.array_equal(left[1], right[1])


def checked(plan: Plan) -> independent.Answer:
    """The answer of a plan, by edgecv and independently."""
    inputs = plan.outputs, plan.preprocess, plan.picture
    found = decoded(plan.head, *inputs)
    for exp in (independent.exact, *map(independent.nudged, NUDGES)):
        other = independent.Decoding(plan.head, exp)(*inputs)
        if not same(found, other):
            raise SystemExit(f"{plan.name}: edgecv and the independent computation differ:\n{found}\n{other}")
    if not np.isfinite(found[1]).all():
        raise SystemExit(f"{plan.name}: its answer is not finite")
    return found


def make(plan: Plan, files: Files) -> DecodeCase:
    """The case of a plan; its tensors are added to `files`."""
    decisions, scores = checked(plan)
    return DecodeCase(
        name=plan.name,
        head=plan.head,
        outputs={name: files.tensor(f"outputs/{plan.name}_{name}.bin", array) for name, array in plan.outputs.items()},
        preprocess=plan.preprocess,
        picture=plan.picture,
        expected=GoldenAnswer(decisions=decisions, scores=files.tensor(f"expected/{plan.name}.bin", scores)),
    )


def main() -> int:
    """Write everything."""
    files, plans = Files(), (*box_plans(), *row_plans(), *picture_plans())
    if len({plan.name for plan in plans}) < len(plans):
        raise SystemExit("two cases have the same name")
    cases = tuple(make(plan, files) for plan in plans)
    lines = b",\n".join(msgspec.json.encode(case) for case in cases)
    index = b'{"format_version": %d, "cases": [\n%s\n]}\n' % (FORMAT_VERSION, lines)
    total = len(index) + sum(map(len, files.data.values()))
    if total > LIMIT:
        raise SystemExit(f"{total} bytes are more than {LIMIT}")
    for folder in ("outputs", "expected"):
        shutil.rmtree(PLACE / folder, ignore_errors=True)
        (PLACE / folder).mkdir(parents=True)
    for path, data in files.data.items():
        (PLACE / path).write_bytes(data)
    INDEX.write_bytes(index)
    print(f"{len(cases)} cases, {len(files.data)} files, {total} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
