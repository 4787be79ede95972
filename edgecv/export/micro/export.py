"""`edgecv export micro`: a bundle becomes C sources, with a self-test, in the layout of a build system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_converters.micro.refusals import tried_out
from edgecv_runtime.backends import open_backend
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError, EdgecvError, SpecError, UsageError
from edgecv_runtime.formats import KNOWN
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.schema import Artifact

from edgecv.export.micro.camera import check_camera, parse_camera
from edgecv.export.micro.cases import golden_pictures, make_cases, output_places, usual_camera
from edgecv.export.micro.heads import micro_heads
from edgecv.export.micro.layouts import LAYOUTS, MODEL, MicroLayout, copy_sources
from edgecv.export.micro.model import MicroModel, methods_of, model_files
from edgecv.export.micro.plan import WRITES, make_plan
from edgecv.export.micro.readme import README, readme
from edgecv.export.place import beside, is_empty, put

TARGETS: Final = tuple(
    known.name for known in KNOWN.values() if any(one.processor == "microcontroller" for one in known.backends)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroExport:
    """The result of an export: what was written, and the memory that it takes.

    Attributes:
        folder: The sources.
        layout: Whose layout they have.
        camera: The frames that they take: "160x120:rgb565be".
        artifact: The artifact in them, by its file in the bundle.
        flash_bytes: The bytes of the model.
        arena_bytes: The bytes of the interpreter's arena.
        scratch_bytes: The bytes that the preprocessing works in.
        frame_bytes: The bytes of a frame.
        operators: The methods that add the operators to a resolver.
        cases: The golden cases of the self-test.
        steps: What is left to do.
        kept: Whether a folder was there, of which only what is generated was replaced.
    """

    folder: Path
    layout: str
    camera: str
    artifact: str
    flash_bytes: int
    arena_bytes: int
    scratch_bytes: int
    frame_bytes: int
    operators: tuple[str, ...]
    cases: tuple[str, ...]
    steps: tuple[str, ...]
    kept: bool


def export_micro(
    bundle: str | Path, folder: str | Path, *, layout: str = "cmake", camera: str | None = None, force: bool = False
) -> MicroExport:
    """Write the C sources of a bundle for a microcontroller: model, preprocessing, heads, self-test, example.

    Args:
        bundle: NAME.edgecv or NAME.edgecv.zip, with an int8 artifact for the target micro.
        folder: A folder that is not there, or empty; or an earlier export, with `force`.
        layout: "cmake", "arduino", "esp-idf" or "zephyr".
        camera: The frames, WIDTHxHEIGHT:FORMAT; those that the golden pictures are, where it is left out.
        force: Replace what is generated in an earlier export; all else in it stays.

    Raises:
        UsageError: The camera or the layout is none, or something is in the way.
        SpecError: The preprocessing or a head is one that the C library does not do.
        BundleError: The bundle is missing or damaged, or has no such artifact.
        MissingDependencyError: TensorFlow Lite Micro, which makes the self-test's answers, is not installed.
        EdgecvError: Something cannot be written. Then nothing is left behind.
    """
    place, chosen = Path(folder), _layout(layout)
    kept = _check_place(place, chosen, force=force)
    with Bundle.load(bundle) as opened:
        opened.verify_integrity()
        model = _model(opened, camera)
    try:
        with beside(place) as scratch:
            made = scratch / place.name
            _write(model, chosen, made)
            if kept:
                for part in chosen.generated():
                    put(made / part, place / part)
                (made / README).replace(place / README)
            else:
                put(made, place)
    except OSError as error:
        raise EdgecvError(
            f"cannot write to {error.filename or place}: {error.strerror}", "Choose another folder"
        ) from error
    return _told(model, chosen, place, kept=kept)


def _layout(name: str) -> MicroLayout:
    if name not in LAYOUTS:
        raise UsageError(f"unknown layout {name!r}", f"Layouts are {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _check_place(place: Path, layout: MicroLayout, *, force: bool) -> bool:
    """Tell whether an earlier export is there, of which only parts are replaced.

    Raises:
        UsageError: Something is in the way.
    """
    if not place.exists() or is_empty(place):
        return False
    if not layout.is_in(place):
        raise UsageError(f"{place} exists and is no export for {layout.title}", "Give a folder that does not exist yet")
    if not force:
        raise UsageError(f"{place} exists", f"Give --force to replace {', '.join(layout.generated())} in it")
    return True


def _artifact(bundle: Bundle) -> Artifact:
    """Return the artifact that takes and gives bytes.

    Raises:
        BundleError: There is none.
    """
    for one in bundle.manifest.artifacts:
        if one.target in TARGETS and all(io.dtype in WRITES for io in (*one.inputs, *one.outputs)):
            return one
    listed = ", ".join(f"{one.target}:{one.precision}" for one in bundle.manifest.artifacts)
    raise BundleError(
        f"the bundle {bundle.manifest.name} has no int8 artifact for {TARGETS[0]}, it has {listed or 'nothing'}",
        f"Make it anew: edgecv convert MODEL --target {TARGETS[0]} --quantize int8 --calibrate DATA --preprocess "
        "PRESET --output NAME.edgecv",
    )


def _model(bundle: Bundle, camera: str | None) -> MicroModel:
    """Read all that goes into the sources."""
    manifest, artifact = bundle.manifest, _artifact(bundle)
    if len(artifact.inputs) != 1:
        raise SpecError(f"the model has {len(artifact.inputs)} inputs, and the C library prepares one picture")
    spec = manifest.preprocess[artifact.inputs[0].name]
    if spec.kind != "image":
        raise SpecError(
            f"the model's input is a {spec.kind}, and the C library prepares pictures only",
            f"Take {artifact.file} out of the bundle, and prepare its input yourself",
        )
    pictures = golden_pictures(bundle, spec)
    chosen = usual_camera(pictures[0][1]) if camera is None else parse_camera(camera)
    check_camera(chosen)
    plan = make_plan(spec, artifact.inputs[0], chosen)
    backend = open_backend(artifact, bundle.path(artifact))
    data = bundle.path(artifact).read_bytes()
    measured, methods = tried_out(data).total, methods_of(data)  # the file's own: a manifest is a stranger's word
    places = output_places(data)
    heads = micro_heads(heads_of(manifest), artifact, places)
    cases = make_cases(pictures, chosen, spec, artifact, backend, places, heads)
    backend.close()
    return MicroModel(
        name=manifest.name,
        artifact=artifact,
        data=data,
        plan=plan,
        heads=heads,
        cases=cases,
        measured_arena=measured,
        methods=methods,
    )


def _write(model: MicroModel, layout: MicroLayout, folder: Path) -> None:
    copy_sources(layout, folder)
    place = folder / layout.base / MODEL
    place.mkdir()
    for name, text in model_files(model).items():
        (place / name).write_text(text, encoding="ascii")
    (folder / README).write_text(readme(model, layout), encoding="utf-8")


def _told(model: MicroModel, layout: MicroLayout, place: Path, *, kept: bool) -> MicroExport:
    camera = model.plan.camera
    return MicroExport(
        folder=place,
        layout=layout.name,
        camera=str(camera),
        artifact=model.artifact.file,
        flash_bytes=len(model.data),
        arena_bytes=model.arena,
        scratch_bytes=model.plan.scratch,
        frame_bytes=camera.height * camera.stride,
        operators=model.methods,
        cases=tuple(case.name for case in model.cases),
        steps=layout.steps,
        kept=kept,
    )
