"""Which artifact of a bundle runs, and on what, where nobody says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

from edgecv_runtime.backends import Backend, open_backend, target_of
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, EdgecvError, MissingDependencyError
from edgecv_runtime.schema import Artifact

INTEGER, FLOAT = ("int8", "mixed"), ("float32", "float16", "dynamic", "int16x8")
# A GPU runtime is installed on purpose. On a CPU int8 is fastest, and TFLite's int8 kernels faster than ONNX Runtime's.
PREFERENCE = (
    ("onnx-cuda", FLOAT),
    ("litert", INTEGER),
    ("onnx", INTEGER),
    ("litert", FLOAT),
    ("onnx", FLOAT),
    ("coreml", (*FLOAT, *INTEGER)),
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
    wanted = target if target is not None or backend is None else target_of(backend)
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
    for name, precisions in PREFERENCE:
        if backend != name and (backend is not None or not _worth_a_try(name, target)):
            continue
        for kind in precisions:
            for artifact in bundle.manifest.artifacts:
                fits = artifact.target == target_of(name) and artifact.precision == kind
                fits = fits and target in {None, artifact.target} and precision in {None, kind}
                if fits and (asked or artifact.parity != "failed"):
                    yield name, artifact


def _worth_a_try(name: str, target: str | None) -> bool:
    """Whether a backend that nobody named may work here; so that its error is not the one that is shown."""
    if name == "coreml":
        return target == "coreml" or sys.platform == "darwin"
    return name != "onnx-cuda" or has_cuda()


def has_cuda() -> bool:
    """Whether an ONNX Runtime is installed that was built for CUDA; not whether there is a GPU."""
    if find_spec("onnxruntime") is None:
        return False
    from onnxruntime import get_available_providers

    return "CUDAExecutionProvider" in get_available_providers()
