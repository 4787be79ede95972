"""A bundle with only the artifacts that one kind of device can run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec
from edgecv_runtime.bundle import LABELS, MANIFEST, MOST_TEXT, Bundle, read_within
from edgecv_runtime.errors import BundleError
from edgecv_runtime.schema import Artifact, Target

PREPARED = frozenset({"image", "tensor"})  # the kinds of inputs that Kotlin and Swift know


def choose(bundle: Bundle, targets: Sequence[Target], wanted: Sequence[str]) -> tuple[Artifact, ...]:
    """The artifacts of `targets` that `wanted` names, in the bundle's order; all of them where it is empty.

    `wanted` has "TARGET", "TARGET:PRECISION" or an artifact's file.

    Raises:
        BundleError: There is no such artifact, or none of these targets; or an input that apps cannot prepare.
    """
    for name, spec in bundle.manifest.preprocess.items():
        if spec.kind not in PREPARED:
            raise BundleError(
                f"the input {name!r} is of the kind {spec.kind}, and the libraries for apps prepare pictures and "
                "tensors only",
                "Run the bundle with edgecv's Python runtime, or take an artifact alone and prepare its input yourself",
            )
    fitting = [artifact for artifact in bundle.manifest.artifacts if artifact.target in targets]
    usable = [artifact for artifact in fitting if artifact.data is msgspec.UNSET]
    large = [artifact for artifact in fitting if artifact not in usable]
    refused = [artifact for artifact in large if not usable or any(_names(name, artifact) for name in wanted)]
    if refused:
        size = f"{refused[0].size / 1e9:.3g} GB"
        raise BundleError(
            f"{refused[0].file} has its numbers in a second file, {size} in all: apps run models of one file",
            "Take another artifact, or make the model smaller (--quantize, edgecv prune)",
        )
    if not usable:
        raise BundleError(
            f"the bundle {bundle.manifest.name} has no artifact for {' or '.join(targets)}",
            f"Make it anew with edgecv convert --target {targets[0]}; it has {_listed(bundle.manifest.artifacts)}",
        )
    for name in wanted:
        if not any(_names(name, artifact) for artifact in usable):
            raise BundleError(f"the bundle {bundle.manifest.name} has no {name} to take", f"It has {_listed(usable)}")
    return tuple(item for item in usable if not wanted or any(_names(name, item) for name in wanted))


def _names(name: str, artifact: Artifact) -> bool:
    return name in {artifact.target, f"{artifact.target}:{artifact.precision}", artifact.file}


def _listed(artifacts: Sequence[Artifact]) -> str:
    return ", ".join(f"{artifact.target}:{artifact.precision}" for artifact in artifacts)


def write_slim(bundle: Bundle, artifacts: Sequence[Artifact], folder: Path) -> None:
    """Copy what an app needs: the manifest with `artifacts` alone, these, the labels and the golden cases.

    The identity stays: it tells what the model was made from, not which files there are. What was written is read back
    and every digest checked.

    Raises:
        BundleError: A file of the bundle is missing or was changed.
    """
    kept = {artifact.file for artifact in artifacts}
    content = msgspec.json.decode(read_within(bundle.root, MANIFEST, MOST_TEXT))  # with heads of a newer edgecv
    content["artifacts"] = [one for one in content["artifacts"] if one["file"] in kept]
    content["parity"] = [one for one in content["parity"] if one["artifact"] in kept]
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    for name in sorted({part.file for one in artifacts for part in one.parts} | _golden_files(bundle)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _copy(bundle.root / name, folder / name)
    if bundle.manifest.labels is not None:
        shutil.copyfile(bundle.root / LABELS, folder / LABELS)
    with Bundle.load(folder) as written:
        written.verify_integrity()


def _copy(source: Path, place: Path) -> None:
    """Copy a file, or a folder as Core ML's packages are."""
    if source.is_dir():
        shutil.copytree(source, place)
    else:
        shutil.copyfile(source, place)


def _golden_files(bundle: Bundle) -> set[str]:
    place = PurePosixPath(bundle.manifest.golden.file)
    names = {place.name}
    for case in bundle.golden().cases:
        names |= {tensor.file for tensor in case.tensors}
        names |= set() if case.image is None else {case.image}
    return {str(place.parent / name) for name in names}
