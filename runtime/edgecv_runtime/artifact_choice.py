"""The choice of the artifact that runs, and of its backend, where nobody names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgecv_runtime import formats
from edgecv_runtime.backends import Backend, open_backend
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, EdgecvError, MissingDependencyError
from edgecv_runtime.schema import Artifact

INTEGER: Final = ("int8", "mixed")
FLOAT: Final = ("float32", "float16", "dynamic", "int16x8")
# A GPU runtime is installed on purpose. On a CPU int8 is fastest, and TFLite's int8 kernels, whose format is the first,
# faster than ONNX Runtime's. What computes a microcontroller's numbers on a computer is slow: it comes last.
TRIED: Final = (
    ("gpu", FLOAT),
    ("cpu", INTEGER),
    ("cpu", FLOAT),
    ("system", (*FLOAT, *INTEGER)),
    ("microcontroller", (*INTEGER, *FLOAT)),
)
PREFERENCE: Final = tuple(
    (backend, precisions)
    for processor, precisions in TRIED
    for backend in formats.BACKENDS.values()
    if backend.processor == processor
)


def open_best(
    bundle: Bundle,
    *,
    target: str | None = None,
    precision: str | None = None,
    backend: str | None = None,
    threads: int = 1,
) -> tuple[Artifact, Backend]:
    """Load the best artifact that the bundle and this machine both have.

    Artifacts that failed their proof are never taken unasked. What was asked for is kept to: a target, a precision, a
    backend.

    Raises:
        BundleError: The bundle holds no such artifact.
        BackendError: No runtime can run it here; of several reasons the first that is not a missing package.
        MissingDependencyError: The only thing amiss is a package.
    """
    wanted = target if target is not None or backend is None else formats.format_of(backend).name
    bundle.artifact(wanted, precision)
    reasons: list[EdgecvError] = []
    for name, artifact in _candidates(bundle, wanted, precision, backend):
        try:
            return artifact, open_backend(artifact, bundle.path(artifact), backend=name, threads=threads)
        except (BackendError, MissingDependencyError) as error:
            reasons.append(error)
    if not reasons:
        raise BackendError("every artifact of the bundle failed its proof", "Name one: --target and --precision")
    raise next((reason for reason in reasons if not isinstance(reason, MissingDependencyError)), reasons[0])


def _candidates(
    bundle: Bundle, target: str | None, precision: str | None, backend: str | None
) -> Iterator[tuple[str, Artifact]]:
    asked = target is not None or precision is not None
    for record, precisions in PREFERENCE:
        runs = formats.format_of(record.name)
        by_default = target is not None and record == runs.backends[0]  # so that its own error is the one that is shown
        if backend != record.name and (backend is not None or not (by_default or record.may_run)):
            continue
        for kind in precisions:
            for artifact in bundle.manifest.artifacts:
                fits = artifact.target == runs.name and artifact.precision == kind
                fits = fits and target in {None, artifact.target} and precision in {None, kind}
                if fits and (asked or artifact.parity != "failed"):
                    yield record.name, artifact
