"""The checks of `bundle.json` beyond the types of its schema; every reader, in any language, makes the same ones."""

from __future__ import annotations

import math
import re
import struct
import typing
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from edgecv_runtime import formats
from edgecv_runtime.errors import BundleError, SpecError
from edgecv_runtime.golden_schema import Golden
from edgecv_runtime.heads.kinds import first_labels, heads_of
from edgecv_runtime.left_out import NEWER, LeftOut, leave_out
from edgecv_runtime.paths import inside, shortened
from edgecv_runtime.precisions import PLAIN
from edgecv_runtime.preprocess.rules import CHANNELS, check, resolve
from edgecv_runtime.records import Record
from edgecv_runtime.schema import (
    DATA_SUFFIX,
    SCHEMA_VERSION,
    Artifact,
    Manifest,
    Normalize,
    Preprocess,
    QuantParams,
    TensorIO,
    TensorSpec,
)

MAX_ELEMENTS: Final = 1 << 28  # of one input or output
RANGES: Final = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(1 << 15), (1 << 15) - 1)}
DTYPES: Final = frozenset({*RANGES, "bool", "uint16", "int32", "int64", "float16", "float32", "float64"})
ANEW: Final = "Make the bundle again with edgecv convert"
T = TypeVar("T", bound=Record)
HOSTILE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what decoding a stranger's JSON raises


def decode_record(data: bytes, kind: type[T], name: str) -> T:
    """A record of a bundle's JSON file; unknown keys are refused, and the hint lists the known ones.

    Args:
        data: The file's bytes.
        kind: The record.
        name: What messages call the file.

    Raises:
        BundleError: It is no JSON, or not of that form.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except HOSTILE as error:
        hint = _known_keys(str(error), kind) or ANEW
        raise BundleError(f"{name}: {shortened(str(error))}", hint) from error


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest as it was read: `left_out` is what this edgecv does not know, and `manifest` does not have."""

    manifest: Manifest
    left_out: LeftOut


def decode_manifest(data: bytes, name: str) -> ManifestFile:
    """Decode and check the bytes of `bundle.json`; artifacts and heads of unknown kinds are left out.

    Args:
        data: The file's bytes.
        name: What messages call the file.

    Raises:
        BundleError: See the message; unknown keys come with the list of the known ones.
    """
    content = _content(data, name)
    _check_version(content, name)
    known, left_out = leave_out(content, name)
    manifest = decode_record(msgspec.json.encode(known) if left_out.sentences else data, Manifest, name)
    try:
        _check(manifest, left_out)
    except SpecError as error:
        raise BundleError(f"{name}: {shortened(error.message)}", ANEW) from error
    for artifact in manifest.artifacts:
        _check_artifact(manifest, artifact)
    return ManifestFile(manifest, left_out)


def check_cases(golden: Golden, manifest: Manifest, left_out: LeftOut) -> None:
    """Refuse golden cases that are none of the model's.

    Raises:
        BundleError: A case has other inputs or outputs than the model, or of another shape; answers of other heads; or
            names a path that leaves the bundle.
    """
    heads = {head.name for head in manifest.heads}
    for case in golden.cases:
        names = [tensor.file for tensor in case.tensors]
        for name in (*names, *([case.image] if case.image is not None else [])):
            inside(name)
        for tensors, sources in ((case.inputs, manifest.inputs), (case.outputs, manifest.outputs)):
            forms = {name: (len(tensor.shape), tensor.shape[1:]) for name, tensor in tensors.items()}
            if forms != {source.name: (len(source.shape), source.shape[1:]) for source in sources}:
                raise BundleError(f"the golden case {shortened(case.id)!r} does not have the model's tensors", ANEW)
        if not heads <= case.answers.keys() or len(case.answers) != len(heads) + left_out.heads:
            raise BundleError(f"the golden case {shortened(case.id)!r} does not have an answer of each head", ANEW)


def _content(data: bytes, name: str) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(data)
    except HOSTILE as error:
        raise BundleError(f"{name} is not JSON: {shortened(str(error))}", ANEW) from error
    return content if isinstance(content, dict) else {}


def _check_version(content: dict[str, Any], name: str) -> None:
    version = content.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise BundleError(f"{name} has no schema_version, so it is no bundle's manifest", ANEW)
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{name} was made by a newer edgecv: its schema version is {shortened(str(version))}, this edgecv reads "
            f"{SCHEMA_VERSION}",
            NEWER,
        )
    if version < SCHEMA_VERSION:
        raise BundleError(
            f"{name} was made by an older edgecv: its schema version is {version}, this edgecv reads {SCHEMA_VERSION}",
            "Make it anew: edgecv convert MODEL -o NAME.edgecv, with the options that it was made with",
        )


def _known_keys(message: str, root: type[Record]) -> str | None:
    """For "Object contains unknown field `x` - at `$.a[...].b`", the keys that are known there."""
    found = re.search(r"unknown field `[^`]*`(?: - at `\$([^`]*)`)?", message)
    if found is None:
        return None
    kind: object = root
    for part in re.findall(r"\.(\w+)", found.group(1) or ""):
        kind = _member(kind, part)
    fields = getattr(kind, "__struct_fields__", ())
    return f"Known keys there are {', '.join(fields)}" if fields else None


def _member(kind: object, name: str) -> object:
    hint = typing.get_type_hints(kind).get(name) if hasattr(kind, "__struct_fields__") else None
    candidates = [hint]
    while candidates:
        candidate = candidates.pop()
        if hasattr(candidate, "__struct_fields__"):
            return candidate
        candidates.extend(typing.get_args(candidate))
    return None


def _check(manifest: Manifest, left_out: LeftOut) -> None:
    """Check what the manifest says of the source model.

    Raises:
        SpecError: It contradicts itself.
        BundleError: It names a path that leaves the bundle.
    """
    for field in ("artifacts", "inputs", "outputs", "heads"):
        if not getattr(manifest, field):
            raise SpecError(f"it lists no {field}")
    for artifact in manifest.artifacts:
        for part in artifact.parts:
            inside(part.file)
    inside(manifest.golden.file)
    for spec in (*manifest.inputs, *manifest.outputs):
        _check_form(spec, "of the model")
    _check_once([spec.name for spec in manifest.inputs], "input")
    _check_once([spec.name for spec in manifest.outputs], "output")
    for spec in manifest.inputs:
        if spec.name not in manifest.preprocess:
            raise SpecError(f"it does not say how the input {shortened(spec.name)!r} is preprocessed")
        _check_preprocess(manifest.preprocess[spec.name], spec)
    if len(manifest.preprocess) > len(manifest.inputs):
        raise SpecError("it preprocesses an input that the model does not have")
    _check_heads(manifest, left_out)


def _check_form(tensor: TensorSpec | TensorIO, where: str) -> None:
    name = shortened(tensor.name)
    if tensor.dtype not in DTYPES:
        raise SpecError(f"{name!r} {where} has the dtype {shortened(tensor.dtype)!r}")
    if not tensor.shape or min(tensor.shape) < 1 or math.prod(tensor.shape) > MAX_ELEMENTS:
        raise SpecError(f"{name!r} {where} has the shape {shortened(str(tensor.shape))}")


def _check_once(names: Sequence[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SpecError(f"it lists the {what} {shortened(twice[0])!r} twice")


def _check_preprocess(spec: Preprocess, source: TensorSpec) -> None:
    """Refuse a preprocessing that is impossible, or gives another shape than the model takes."""
    name = shortened(source.name)
    if spec.kind in {"image", "clip"} and spec.size is None:
        raise SpecError(f"preprocess of {name!r}: it has no size")
    try:
        check(spec)
        whole = resolve(spec, source.shape, name)
    except SpecError as error:
        raise SpecError(f"preprocess of {name!r}: {error.message}") from error
    if (whole.clip, whole.sound) != (spec.clip, spec.sound):
        raise SpecError(f"preprocess of {name!r}: it does not say how many frames or samples it takes")


def _check_heads(manifest: Manifest, left_out: LeftOut) -> None:
    """Refuse heads that share a name or an output, that leave one out, or that do not fit their outputs."""
    _check_once([head.name for head in manifest.heads], "head")
    outputs = [spec.name for spec in manifest.outputs]
    claimed = Counter((*(name for head in manifest.heads for name in head.outputs), *left_out.outputs))
    for head in manifest.heads:
        unknown = next((name for name in head.outputs if name not in outputs), None)
        if unknown is not None:
            raise SpecError(f"head {head.name!r} is of the output {unknown!r}, which the model does not have")
    heads_of(manifest)
    twice = next((name for name in outputs if claimed[name] > 1), None)
    if twice is not None:
        raise SpecError(f"the output {twice!r} belongs to several heads")
    missing = next((name for name in outputs if name not in claimed), None)
    if missing is not None:
        raise SpecError(f"the output {missing!r} belongs to no head")
    order = [outputs.index(head.outputs[0]) for head in manifest.heads]
    if order != sorted(order):
        raise SpecError("its heads are not in the order of their outputs")
    if not left_out.heads and manifest.labels != first_labels(manifest.heads):
        raise SpecError("its labels are not those of the first head that has some")


def _check_artifact(manifest: Manifest, artifact: Artifact) -> None:
    """An artifact that is to run has the source's inputs and outputs, and a precision that is one."""
    file = artifact.file
    known = formats.KNOWN.get(artifact.target)
    if known is None or not known.knows(artifact.precision):
        raise BundleError(
            f"{file} has the precision {shortened(artifact.precision)!r}, which no {artifact.target} artifact has",
            f"The precisions are {', '.join(PLAIN)}{formats.own_precisions_in_words()}",
        )
    if artifact.data is not msgspec.UNSET and not known.second_file:
        raise BundleError(f"{file} has a second file, which no {artifact.target} artifact has", ANEW)
    if artifact.data is not msgspec.UNSET and artifact.data.file != f"{file}{DATA_SUFFIX}":
        raise BundleError(f"{file} has the second file {shortened(artifact.data.file)!r}, not its own", ANEW)
    for side, sources in (("inputs", manifest.inputs), ("outputs", manifest.outputs)):
        tensors: Sequence[TensorIO] = getattr(artifact, side)
        by_name = {spec.name: spec for spec in sources}
        if len(tensors) != len(sources) or {io.name for io in tensors} != by_name.keys():
            raise BundleError(f"the {side} of {file} are not the model's in bundle.json", ANEW)
        try:
            for io in tensors:
                _check_tensor(io, by_name[io.name], f"in {file}")
        except SpecError as error:
            raise BundleError(error.message, ANEW) from error
    batches = {io.shape[0] for io in (*artifact.inputs, *artifact.outputs)}
    if len(batches) > 1 or min(batches) < manifest.inputs[0].shape[0]:
        raise BundleError(f"the tensors of {file} have the batches {', '.join(map(str, sorted(batches)))}", ANEW)
    try:
        _check_extras(manifest, artifact)
    except SpecError as error:
        raise BundleError(f"{file}: {error.message}", ANEW) from error


def _check_tensor(io: TensorIO, source: TensorSpec, where: str) -> None:
    """Refuse a tensor that is not the source's: but for the batch its shape is the same, in its own layout."""
    _check_form(io, where)
    name, shape = shortened(io.name), io.shape
    if not io.tensor:
        raise SpecError(f"{name!r} {where} has no tensor's name")
    real = (shape[0], *shape[2:], shape[1]) if io.layout == "NCHW" and len(shape) > 1 else shape
    if len(real) != len(source.shape) or real[1:] != source.shape[1:]:
        raise SpecError(f"{name!r} {where} has the shape {shape}, the model's is {source.shape} (layout {io.layout})")
    if io.quantization is not None:
        _check_quantization(io.quantization, io.dtype, f"{name!r} {where}")
    elif io.dtype in RANGES and io.normalize is None and source.dtype.startswith("float"):
        raise SpecError(f"{name!r} {where} is {io.dtype} without a scale")


def _check_quantization(quantization: QuantParams, dtype: str, name: str) -> None:
    scale = _float32(quantization.scale)
    if not 0 < scale < math.inf or not math.isfinite(1 / scale):
        raise SpecError(f"the scale of {name} must be over 0, got {quantization.scale}")
    if dtype not in RANGES:
        raise SpecError(f"{name} is {dtype}, which has no scale")
    low, high = RANGES[dtype]
    if not low <= quantization.zero_point <= high:
        raise SpecError(f"the zero point of {name} must be in {low}..{high}, got {quantization.zero_point}")


def _float32(value: float) -> float:
    """The nearest float32; infinity where there is none."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.inf


def _check_extras(manifest: Manifest, artifact: Artifact) -> None:
    """Refuse what an artifact says to do by itself, and cannot."""
    for io in artifact.inputs:
        spec = manifest.preprocess[io.name]
        if io.normalize is not None:
            _check_normalize(io.normalize, spec, io)
        if io.layout == "NCHW" and spec.kind in {"clip", "sound"}:
            raise SpecError(f"the input {shortened(io.name)!r} has the layout NCHW, and is a {spec.kind}")
        if io.layout == "NCHW" and spec.kind == "tensor" and len(io.shape) < 3:
            raise SpecError(f"the input {shortened(io.name)!r} has the layout NCHW and {len(io.shape)} axes")
        if io.by_label:
            raise SpecError(f"the input {shortened(io.name)!r} is by_label, which outputs are")
    for io in artifact.outputs:
        if io.normalize is not None:
            raise SpecError(f"the output {shortened(io.name)!r} has a normalize, which inputs have")
        head = next((head for head in manifest.heads if io.name in head.outputs), None)
        if io.by_label and len(head.labels or () if head else ()) != math.prod(io.shape[1:]):
            raise SpecError(f"the output {shortened(io.name)!r} is by_label, and the labels are not as many")


def _check_normalize(normalize: Normalize, spec: Preprocess, io: TensorIO) -> None:
    if spec.kind != "image" or io.dtype != "uint8":
        raise SpecError(f"the input {shortened(io.name)!r} normalizes by itself, which pictures of uint8 do")
    check(msgspec.structs.replace(spec, normalize=normalize), channels=CHANNELS[spec.color])
