"""The models that a request asks: the trained one, or artifacts of a bundle, the reference first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgecv_converters.data.inputs import preprocessing
from edgecv_converters.explain.departing import FilePair
from edgecv_converters.explain.settings import find_method
from edgecv_converters.explain.subjects import only_input
from edgecv_converters.explain.worker import ArtifactToExplain, explain_artifact, explain_source
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.targets import find
from edgecv_converters.workers import SourceSummary
from edgecv_converters.workers.source import summarize_source
from edgecv_runtime.bundle import MANIFEST, Bundle
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import BackendError, SourceError, UsageError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.schema import Artifact, Manifest, Preprocess, TensorSpec

from edgecv.convert.heads import heads_of as heads_of_model
from edgecv.convert.request import ConvertRequest, from_options
from edgecv.convert.source import SourcePhase
from edgecv.explain.request import ExplainRequest
from edgecv.extras import LOADING, require
from edgecv.inspect.bundle import is_bundle_zip
from edgecv.prove.evaluate import choose
from edgecv.terminal.observer import Observer

LIMITS: Final = WorkerLimits.of_machine(seconds=6 * 3600.0)
FLOATS: Final = ("float32", "float16")


@dataclass(frozen=True, slots=True)
class Asked:
    """One model that is asked: its title, and what explains its answers in a process of its own.

    `trained` says that it is the trained model, which has gradients. `pair` is a quantized artifact and the float one
    beside it in the bundle, whose insides can be compared.
    """

    title: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    trained: bool = False
    pair: FilePair | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSubjects:
    """Everything that is known before the pictures: the models that are asked, the first being the reference."""

    name: str
    asked: tuple[Asked, ...]
    head: Head
    spec: Preprocess
    input: TensorSpec
    methods: tuple[str, ...]


def is_bundle(path: Path) -> bool:
    """Tell whether a path is a bundle: a folder, or one .zip file."""
    return (path / MANIFEST).is_file() or (path.is_file() and is_bundle_zip(path))


def open_model(request: ExplainRequest, pool: WorkerPool, observer: Observer) -> OpenedSubjects:
    """Find out what a trained model is.

    Raises:
        EdgecvError: It cannot be loaded, or nobody says how its pictures are prepared, or which head is meant.
    """
    require(LOADING, "convert")
    given, source = _source(request, request.path)
    job = pool.submit(f"reading {request.path.name}", summarize_source, LIMITS, request=source)
    observer.job(job)
    summary: SourceSummary = job.result()
    for note in summary.notes:
        observer.note(note)
    specs = preprocessing(given.preprocess, summary, observer.note, summary.beside.preprocess)
    name = only_input([spec.name for spec in summary.inputs])
    heads = heads_of_model(given, SourcePhase(summary=summary, specs=specs), {})
    asked = Asked(request.path.name, explain_source, {"request": source}, trained=True)
    return _opened(request, request.path.name, (asked,), heads, specs[name], summary.inputs[0])


def open_bundle(request: ExplainRequest, bundle: Bundle, observer: Observer) -> OpenedSubjects:
    """Choose the artifacts of a bundle, the nearest to the source first.

    Raises:
        EdgecvError: There is no such artifact, or none that can run here, or the method needs gradients.
    """
    for sentence in bundle.left_out:
        observer.note(sentence)
    manifest = bundle.manifest
    name = only_input([spec.name for spec in manifest.inputs])
    chosen = _artifacts(manifest, request.target, request.precision)
    asked = [_artifact(bundle, one, request.threads) for one in chosen]
    if request.model is not None:
        require(LOADING, "convert")
        if not request.model.exists():
            raise SourceError(f"{request.model} does not exist", "Give the model that the bundle was made from")
        if sha256_tree(request.model) != manifest.provenance.source.sha256:
            raise SourceError(f"{request.model} is not the model that the bundle was made from", "Give that one")
        source = _source(request, request.model, {spec.name: spec.shape for spec in manifest.inputs})[1]
        asked.insert(0, Asked(request.model.name, explain_source, {"request": source}, trained=True))
    return _opened(
        request, manifest.name, tuple(asked), heads_of(manifest), manifest.preprocess[name], manifest.inputs[0]
    )


def _opened(
    request: ExplainRequest,
    name: str,
    asked: tuple[Asked, ...],
    heads: Sequence[Head],
    spec: Preprocess,
    taken: TensorSpec,
) -> OpenedSubjects:
    if spec.kind != "image":
        raise UsageError("the model does not take a picture", "Explanations are of pictures")
    methods = request.methods or (("gradcam",) if all(one.trained for one in asked) else ("occlusion",))
    for method in map(find_method, methods):
        if method.needs != "answers" and not all(one.trained for one in asked):
            raise UsageError(
                f"--method {method.name} needs gradients, which a converted file does not have",
                "Use --method occlusion or rise, or explain the Keras model",
            )
    if request.sanity and not asked[0].trained:
        raise UsageError(
            "--sanity shuffles weights, which a converted file does not let happen",
            "Give --model with the model that the bundle was made from",
        )
    return OpenedSubjects(name=name, asked=asked, head=_head(request, heads), spec=spec, input=taken, methods=methods)


def _source(
    request: ExplainRequest, path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[ConvertRequest, SourceRequest]:
    """The options of a trained model, read; `shapes` are those of a bundle that was made from it."""
    said = request.of_model
    heads = [request.head] if request.head is not None and ":" in request.head and not is_bundle(request.path) else []
    given = from_options(
        path,
        Path("explained.edgecv"),
        {
            "preprocess": said.preprocess,
            "labels": said.labels,
            "heads": heads,
            "input_shapes": said.input_shapes if shapes is None else shapes,
            "allow_code": said.allow_code,
            "custom_objects": said.custom_objects,
            "signature": said.signature,
        },
    )
    return given, SourceRequest(
        path=path.absolute(),
        input_shapes=given.input_shapes,
        allow_code=given.allow_code,
        custom_objects=given.custom_objects,
        signature=given.signature,
        modules=None if given.custom_objects is None else Path.cwd(),
    )


def _head(request: ExplainRequest, heads: Sequence[Head]) -> Head:
    """The head that is meant: the one of that name, or the first."""
    if request.head is None:
        return heads[0]
    found = [one for one in heads if request.head in {one.name, f"{one.name}:{one.kind}"}]
    described = [one for one in heads if request.head.startswith(f"{one.name}:")]
    if not found and not described:
        names = ", ".join(one.name for one in heads)
        raise UsageError(f"there is no head named {request.head!r}", f"The heads are {names}")
    return (found or described)[0]


def _artifacts(manifest: Manifest, target: str | None, precision: str | None) -> list[Artifact]:
    """The artifacts that are asked, of one target where nobody names one: a float one first, if there is one."""
    fitting = choose(manifest, None, target, precision)
    runs = [one for one in fitting if target is not None or "runtime" in find(one.target).methods()]
    if not runs:
        raise BackendError("no artifact of the bundle can run here", "Install a runtime: edgecv doctor says which")
    first = [one for one in runs if one.target == runs[0].target]
    return sorted(first, key=lambda one: FLOATS.index(one.precision) if one.precision in FLOATS else len(FLOATS))


def _artifact(bundle: Bundle, artifact: Artifact, threads: int) -> Asked:
    place = ArtifactToExplain(
        root=bundle.root.absolute(), artifact=artifact, method=find(artifact.target).methods()[0], threads=threads
    )
    return Asked(artifact.file, explain_artifact, {"place": place}, pair=_pair(bundle, artifact))


def _pair(bundle: Bundle, artifact: Artifact) -> FilePair | None:
    """The artifact and the float one that it is held against; None where they cannot be paired."""
    of_target = {one.precision: one for one in bundle.manifest.artifacts if one.target == artifact.target}
    plain = of_target.get(FLOATS[0])
    if (
        plain is None
        or artifact.precision in FLOATS
        or artifact.batch > 1
        or artifact.inputs[0].dtype != plain.inputs[0].dtype
    ):
        return None
    return FilePair(root=bundle.root.absolute(), artifact=artifact, float32=plain)
