"""The file formats of artifacts, and the back ends that run them: one record each, from which every table is read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

from edgecv_runtime.errors import BackendError, UsageError
from edgecv_runtime.ort import onnxruntime
from edgecv_runtime.precisions import PLAIN, WEIGHT_FORMS, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLibrary:
    """A Python library that converting to a format, or running it, needs.

    Attributes:
        name: The name in the list of `edgecv doctor`.
        distributions: The packages that bring the library; any one of them runs artifacts, the first one converts too.
        modules: The modules to import, likewise.
        extra: The extra of edgecv that installs it.
        system: The only system that there is a build of the library for, in words; empty for all that edgecv runs on.
    """

    name: str
    distributions: tuple[str, ...]
    modules: tuple[str, ...]
    extra: str
    system: str = ""

    @property
    def install(self) -> str:
        """The exact line that installs the library, and the system where it does."""
        return f'pip install "edgecv[{self.extra}]"' + (f", on {self.system}" if self.system else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRecord:
    """One way to run the files of a format.

    Attributes:
        name: The name on the command line and in results.
        title: The name for people.
        opener: The module and class that load an artifact, as "module:class"; the module is imported when it is needed.
        library: The library that it runs on.
        processor: "cpu" (it runs with the number of threads that it is given), "gpu", "system" (the operating system
            chooses the processor and the threads), or "microcontroller" (it computes what one does, and slowly).
        platform: The only value of `sys.platform` where it runs; None for all.
        is_installed: Tells whether the library that is installed can do it at all.
        profiler: The module and function that time its operations one by one, as "module:function"; None where the
            runtime cannot tell.
    """

    name: str
    title: str
    opener: str
    library: PythonLibrary
    processor: Literal["cpu", "gpu", "system", "microcontroller"] = "cpu"
    platform: str | None = None
    is_installed: Callable[[], bool] = lambda: True
    profiler: str | None = None

    @property
    def may_run(self) -> bool:
        """Tell whether it is worth a try on this system where nobody has named it."""
        return self.platform in {None, sys.platform} and self.is_installed()


@dataclass(frozen=True, slots=True, kw_only=True)
class MavenLibrary:
    """The library that runs a format on Android.

    Attributes:
        coordinates: Its group and artifact.
        catalog: Its name in the version catalog of the demo app.
        keep_stored: An app's build must be told not to compress the files: they are mapped into memory as they lie.
    """

    coordinates: str
    catalog: str
    keep_stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One file format of artifacts, which is also one target of conversions.

    Attributes:
        name: The name on the command line, in manifests, and of the bundle's folder with such artifacts.
        title: The name for people.
        suffix: What an artifact's file name ends with, the dot included.
        backends: What runs it. The first one runs where nobody names another.
        android: What runs it on Android; None where nothing does.
        ios: The product of the Swift package that runs it on iOS; None where none does.
        own_precisions: The precisions that this format alone has.
        own_words: These precisions in a few words; empty where there are none.
        experimental: It is converted to only where it is asked for by name, and may change with what runs it.
        second_file: A model that is too large for one file of this format has its numbers in a second one.
    """

    name: str
    title: str
    suffix: str
    backends: tuple[BackendRecord, ...]
    android: MavenLibrary | None = None
    ios: str | None = None
    own_precisions: tuple[str, ...] = ()
    own_words: str = ""
    experimental: bool = False
    second_file: bool = False

    def knows(self, precision: str) -> bool:
        """Tell whether an artifact of this format can have that precision."""
        return precision in PLAIN or precision in self.own_precisions


def has_cuda() -> bool:
    """Tell whether the installed ONNX Runtime was built for CUDA, which says nothing of a GPU."""
    if find_spec("onnxruntime") is None:
        return False
    return "CUDAExecutionProvider" in onnxruntime().get_available_providers()


_BACKENDS: Final = "edgecv_runtime.backends"
_PROFILERS: Final = "edgecv_runtime.bench.profilers"
LITERT: Final = PythonLibrary(
    name="litert",
    distributions=("ai-edge-litert", "tflite-runtime"),
    modules=("ai_edge_litert", "tflite_runtime"),
    extra="litert",
)
ONNX_RUNTIME: Final = PythonLibrary(
    name="onnxruntime",
    distributions=("onnxruntime", "onnxruntime-gpu"),
    modules=("onnxruntime",),
    extra="onnx",
)
COREMLTOOLS: Final = PythonLibrary(
    name="coremltools", distributions=("coremltools",), modules=("coremltools",), extra="convert"
)
TFLITE_MICRO: Final = PythonLibrary(
    name="tflite-micro",
    distributions=("tflite-micro",),
    modules=("tflite_micro",),
    extra="micro",
    system="x86-64 Linux",
)
COREAI_CORE: Final = PythonLibrary(
    name="coreai-core",
    distributions=("coreai-core",),
    modules=("coreai",),
    extra="coreai",
    system="x86-64 Linux with glibc 2.34 or later and Python 3.11 to 3.14",
)
TFLITE: Final = FileFormat(
    name="tflite",
    title="TFLite",
    suffix=".tflite",
    backends=(
        BackendRecord(
            name="litert",
            title="LiteRT",
            opener=f"{_BACKENDS}.litert:LiteRT",
            library=LITERT,
            profiler=f"{_PROFILERS}.litert:profile",
        ),
    ),
    android=MavenLibrary(coordinates="com.google.ai.edge.litert:litert", catalog="litert"),
    ios="EdgeCVLiteRT",
)
ONNX: Final = FileFormat(
    name="onnx",
    title="ONNX",
    suffix=".onnx",
    second_file=True,
    backends=(
        BackendRecord(
            name="onnx",
            title="ONNX Runtime",
            opener=f"{_BACKENDS}.onnx:OnnxRuntime",
            library=ONNX_RUNTIME,
            profiler=f"{_PROFILERS}.onnx:profile",
        ),
        BackendRecord(
            name="onnx-cuda",
            title="CUDA",
            opener=f"{_BACKENDS}.onnx_cuda:OnnxCuda",
            library=ONNX_RUNTIME,
            processor="gpu",
            is_installed=has_cuda,
        ),
    ),
    android=MavenLibrary(
        coordinates="com.microsoft.onnxruntime:onnxruntime-android", catalog="onnxruntime", keep_stored=True
    ),
)
COREML: Final = FileFormat(
    name="coreml",
    title="Core ML",
    suffix=".mlpackage",
    backends=(
        BackendRecord(
            name="coreml",
            title="Core ML",
            opener=f"{_BACKENDS}.coreml:CoreML",
            library=COREMLTOOLS,
            processor="system",
            platform="darwin",
        ),
    ),
    ios="EdgeCVCoreML",
    own_precisions=tuple(WEIGHT_FORMS),
    own_words=WORDS,
)
COREAI: Final = FileFormat(
    name="coreai",
    title="Core AI",
    suffix=".aimodel",
    backends=(
        BackendRecord(
            name="coreai",
            title="Core AI",
            opener=f"{_BACKENDS}.coreai:CoreAI",
            library=COREAI_CORE,
            processor="system",
            platform="linux",
            is_installed=lambda: find_spec(COREAI_CORE.modules[0]) is not None,
        ),
    ),
    ios="EdgeCVCoreAI",
    own_precisions=tuple(name for name, form in WEIGHT_FORMS.items() if form.kind != "sparse"),
    own_words="weights8, weights4[-block16|-block64], palette8, palette6|4|3|2[-group4|8|16|32]",
    experimental=True,
)
MICRO: Final = FileFormat(
    name="micro",
    title="TFLite Micro",
    suffix=".tflite",
    backends=(
        BackendRecord(
            name="tflm",
            title="TFLM",
            opener=f"{_BACKENDS}.tflm:TFLM",
            library=TFLITE_MICRO,
            processor="microcontroller",
        ),
    ),
    experimental=True,
)
KNOWN: Final[Mapping[str, FileFormat]] = {known.name: known for known in (TFLITE, ONNX, COREML, COREAI, MICRO)}
"""Every format by its name, in the order in which artifacts are listed, and in which a CPU tries them."""
BACKENDS: Final[Mapping[str, BackendRecord]] = {
    record.name: record for known in KNOWN.values() for record in known.backends
}
"""Every back end by its name."""


def find(name: str) -> FileFormat:
    """Return the format of that name.

    Raises:
        UsageError: There is none; the hint lists those there are.
    """
    if name not in KNOWN:
        raise UsageError(f"unknown target {name!r}", f"The targets are {', '.join(KNOWN)}")
    return KNOWN[name]


def backend(name: str) -> BackendRecord:
    """Return the back end of that name.

    Raises:
        BackendError: There is none; the hint lists those there are.
    """
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {name!r}", f"Backends are {', '.join(BACKENDS)}")
    return BACKENDS[name]


def format_of(name: str) -> FileFormat:
    """Return the format that the back end of that name runs.

    Raises:
        BackendError: There is no such back end.
    """
    record = backend(name)
    return next(known for known in KNOWN.values() if record in known.backends)


def title_of(name: str) -> str:
    """Return a format's name for people; the name itself where this edgecv does not know the format."""
    return KNOWN[name].title if name in KNOWN else name


def own_precisions_in_words() -> str:
    """Return the precisions that single formats have, to end a list of the plain ones."""
    return "".join(f", and of {known.title}'s weights {known.own_words}" for known in KNOWN.values() if known.own_words)
