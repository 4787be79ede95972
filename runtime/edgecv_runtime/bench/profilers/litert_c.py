"""LiteRT's C interface (litert/c/litert_*.h of LiteRT 2), as much of it as running a model with its profiler takes."""

from __future__ import annotations

import ctypes as c
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np

from edgecv_runtime.backends.structure.tflite import check_tflite
from edgecv_runtime.errors import BackendError

PACKAGE: Final = "ai-edge-litert"
FIRST: Final = (2, 3)  # version with these functions
CPU: Final = 1
WRITE: Final = 1
OPERATOR, DELEGATED = 2, 8  # kinds of events: the interpreter's own operators, and those inside XNNPACK
_MOST_DIMENSIONS: Final = 8


class Event(NamedTuple):
    """One event of the profiler: its kind, the operation's name and its microseconds."""

    kind: int
    name: str
    us: int


class _Layout(c.Structure):
    _fields_ = (
        ("rank", c.c_uint, 7),
        ("has_strides", c.c_uint, 1),
        ("dimensions", c.c_int32 * _MOST_DIMENSIONS),
        ("strides", c.c_uint32 * _MOST_DIMENSIONS),
    )


class _TensorType(c.Structure):
    _fields_ = (("element", c.c_int), ("layout", _Layout))


class _ProfiledEvent(c.Structure):
    _fields_ = (
        ("tag", c.c_char_p),
        ("kind", c.c_int),
        ("start_us", c.c_uint64),
        ("elapsed_us", c.c_uint64),
        ("memory", c.c_size_t * 6),
        ("metadata", c.c_uint64 * 2),
        ("source", c.c_int),
    )


_Deleter = c.CFUNCTYPE(None, c.c_void_p)
_KEEP: Final = _Deleter(lambda _: None)  # the payload is Python's


class LiteRTModel:
    """One model, compiled for the CPU with the profiler on; a context manager."""

    def __init__(self, file: Path, threads: int) -> None:
        check_tflite(file, file.name)
        self.version = _version()
        self._library = _library()
        self._stack = ExitStack()
        try:
            self._open(file, threads)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self) -> None:
        """Infer once on what was written."""
        ins, outs = c.c_size_t(len(self._ins)), c.c_size_t(len(self._outs))
        self._call("RunCompiledModel", self._model, c.c_size_t(0), ins, self._ins, outs, self._outs)

    def profiled(self, infer: Callable[[], None]) -> list[Event]:
        """The events of the operations that ran in `infer`."""
        self._call("ResetProfiler", self._profiler)
        self._call("StartProfiler", self._profiler)
        infer()
        self._call("StopProfiler", self._profiler)
        count = c.c_int()
        self._call("GetNumProfilerEvents", self._profiler, c.byref(count))
        events = (_ProfiledEvent * count.value)()
        self._call("GetProfilerEvents", self._profiler, count, events)
        kept = [event for event in events if event.kind in {OPERATOR, DELEGATED}]
        return [Event(event.kind, event.tag.decode(), event.elapsed_us) for event in kept]

    def write(self, tensor: str, value: np.ndarray) -> None:
        """Put a raw value into the input of that name."""
        buffer = c.c_void_p(self._ins[self._names.index(tensor)])
        size, there = c.c_size_t(), c.c_void_p()
        self._call("GetTensorBufferSize", buffer, c.byref(size))
        data = np.ascontiguousarray(value)
        if data.nbytes > size.value:
            raise BackendError(f"{tensor!r} takes {size.value} bytes, not {data.nbytes}")
        self._call("LockTensorBuffer", buffer, c.byref(there), WRITE)
        c.memmove(there, data.ctypes.data, data.nbytes)
        self._call("UnlockTensorBuffer", buffer)

    def _open(self, file: Path, threads: int) -> None:
        environment = self._made("Environment", "CreateEnvironment", 0, None)
        model = self._made("Model", "CreateModelFromFile", environment, str(file).encode())
        self._model = self._made("CompiledModel", "CreateCompiledModel", environment, model, self._options(threads))
        self._profiler = c.c_void_p()
        self._call("CompiledModelGetProfiler", self._model, c.byref(self._profiler))
        signature = c.c_void_p()
        self._call("GetModelSignature", model, c.c_size_t(0), c.byref(signature))
        self._names, self._ins = self._buffers("Input", environment, signature)
        _, self._outs = self._buffers("Output", environment, signature)

    def _options(self, threads: int) -> c.c_void_p:
        options = self._made("Options", "CreateOptions")
        self._call("SetOptionsHardwareAccelerators", options, CPU)
        self._payloads = {
            b"runtime_options_string": c.create_string_buffer(b"enable_profiling = true\n"),
            b"xnnpack": c.create_string_buffer(f"num_threads = {threads}\n".encode()),
        }
        for name, payload in self._payloads.items():
            more = c.c_void_p()
            self._call("CreateOpaqueOptions", name, payload, _KEEP, c.byref(more))
            self._call("AddOpaqueOptions", options, more)
        return options

    def _buffers(
        self, side: str, environment: c.c_void_p, signature: c.c_void_p
    ) -> tuple[list[str], c.Array[c.c_void_p]]:
        count = c.c_size_t()
        self._call(f"GetNumSignature{side}s", signature, c.byref(count))
        names, buffers = [], (c.c_void_p * count.value)()
        for place in range(count.value):
            tensor, name, kind, needs = c.c_void_p(), c.c_char_p(), _TensorType(), c.c_void_p()
            self._call(f"GetSignature{side}TensorByIndex", signature, c.c_size_t(place), c.byref(tensor))
            self._call("GetTensorName", tensor, c.byref(name))
            self._call("GetRankedTensorType", tensor, c.byref(kind))
            what = f"GetCompiledModel{side}BufferRequirements"
            self._call(what, self._model, c.c_size_t(0), c.c_size_t(place), c.byref(needs))
            create = "CreateManagedTensorBufferFromRequirements"
            buffers[place] = self._made("TensorBuffer", create, environment, c.byref(kind), needs).value
            names.append((name.value or b"").decode())
        return names, buffers

    def _made(self, what: str, function: str, *arguments: object) -> c.c_void_p:
        """Create something that is destroyed in the end."""
        made = c.c_void_p()
        self._call(function, *arguments, c.byref(made))
        self._stack.callback(getattr(self._library, f"LiteRtDestroy{what}"), made)
        return made

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, f"LiteRt{function}")(*arguments)
        if status:
            raise BackendError(f"LiteRT's profiler failed: {function} gave status {status}")


def _version() -> str:
    """The version that is installed; "" where there is none, or where it came by another distribution."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def _library() -> c.CDLL:
    found = find_spec("ai_edge_litert")
    installed = _version()
    known = tuple(int(part) for part in installed.split(".")[:2] if part.isdecimal())
    if found is None or found.origin is None or (known and known < FIRST):
        raise BackendError(
            "the TFLite runtime that is installed does not tell the time of single operations",
            f'pip install "{PACKAGE}>={".".join(map(str, FIRST))}"',
        )
    file = next(Path(found.origin).parent.glob("libLiteRt.*"), Path("libLiteRt.so"))
    try:
        library = c.CDLL(str(file))
    except OSError as error:
        raise BackendError(f"{PACKAGE} {installed} brings no C library that can be opened here: {error}") from error
    if not hasattr(library, "LiteRtCompiledModelGetProfiler"):
        raise BackendError(f"{PACKAGE} {installed} has no profiler", f'pip install --upgrade "{PACKAGE}"')
    return library
