"""A trained model that is ready to be frozen and to give reference answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import EdgecvError, SourceError, UsageError
from edgecv_runtime.heads.base import Ending, Training
from edgecv_runtime.schema import HeadSpec, SourceInfo, TensorSpec

from edgecv_converters.graph.finished import FinishedRows, finished_rows
from edgecv_converters.graph.floats import call_in_float32, has_other_floats, in_float32, spec_in_float32
from edgecv_converters.graph.freeze import Call, freeze
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.inspect import batch_reduction, ending, op_rows, random_node, scales_input
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.graph.macs import multiply_adds, multiply_adds_by_layer
from edgecv_converters.graph.names import scope_name
from edgecv_converters.graph.scaling import Scaling, input_scalings
from edgecv_converters.source.beside import Beside, beside
from edgecv_converters.source.causes import hint_of
from edgecv_converters.source.losses import shown_heads
from edgecv_converters.source.words import gist

Array = npt.NDArray[Any]
Weight = tuple[str, Callable[[], Array]]
_BATCH_BYTES = 5 * 512 * 1024  # of inputs: what the first layers make of them is many times as large
_OTHER = 1e-3  # of an output's largest value
_SEES = "the model answers a sample otherwise among others than alone: its samples see each other, so each is alone"


class LayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `edgecv inspect`: `output_shape` and `multiply_adds` at a batch of one."""

    name: str
    type: str
    output_shape: tuple[int | None, ...] | None
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input as the model declares it: None stands for an open dimension."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that the loader of its format has loaded.

    Attributes:
        format: "keras3", "keras2-h5" or "savedmodel".
        loader: The package that read the file, with its version.
        inputs: The declared inputs, in the model's order.
        output_names: The model's own names, in order.
        call: One tensor for each input to one tensor for each output, in inference mode.
        freezable: As `call`, in the form that is traced for conversion (recurrences unrolled).
        weights: Every variable's name, and how to read it.
        parameters: The number of values in all trainable and non-trainable weights.
        rows: The layers, without multiply-adds; None where the format does not keep them.
        has_preprocessing: Whether the model scales raw pixels itself; None where only the graph can tell.
        doubled_scopes: The layers whose name scope is opened twice (see `graph.names`).
        fixed_batch: The number of samples that the model was built for, where it is not open or 1.
        trained_as: For each output what its loss says that it means; empty where the file keeps no losses.
        notes: What a person should know about how it was loaded.
        network: The Keras model itself; None for a SavedModel, whose graph is all there is.
    """

    format: str
    loader: str
    inputs: tuple[Port, ...]
    output_names: tuple[str, ...]
    call: Call
    freezable: Callable[[Sequence[TensorSpec]], Call]
    weights: tuple[Weight, ...]
    parameters: int
    rows: tuple[LayerRow, ...] | None
    has_preprocessing: bool | None
    doubled_scopes: frozenset[str] = frozenset()
    fixed_batch: int | None = None
    trained_as: tuple[Training | None, ...] = ()
    notes: tuple[str, ...] = ()
    network: Any = None


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """A trained model: what it takes, what it gives, and the answers that every artifact is held against."""

    loaded: Loaded
    inputs: tuple[TensorSpec, ...]
    sha256: str
    _frozen: FrozenGraph = field(repr=False)
    _seen: list[bool] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, loaded: Loaded, inputs: tuple[TensorSpec, ...], sha256: str) -> SourceModel:
        """Freeze the model at `inputs`, whose shapes are static with a batch of one.

        Raises:
            SourceError: It does not run at these shapes, draws random numbers, or its outputs have no fixed shape.
        """
        frozen = _freeze(loaded, inputs)
        if has_other_floats(frozen):
            loaded, inputs, frozen = _in_float32(loaded, inputs, frozen)
        random = random_node(frozen)
        if random is not None:
            raise SourceError(
                f"the model draws random numbers when it runs (layer {layer_of(random)})",
                "It was exported with augmentation on: convert the .keras file, or export with training=False",
            )
        return cls(loaded=loaded, inputs=inputs, sha256=sha256, _frozen=frozen)

    @cached_property
    def info(self) -> SourceInfo:
        """Format, loader, digest, parameters and multiply-adds."""
        return SourceInfo(
            format=self.loaded.format,
            loader=self.loaded.loader,
            sha256=self.sha256,
            parameters=self.loaded.parameters,
            multiply_adds=multiply_adds(self._frozen),
        )

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The model's outputs, at a batch of one."""
        return tuple(TensorSpec(name=e.name, shape=e.shape, dtype=e.dtype) for e in self._frozen.outputs)

    @cached_property
    def endings(self) -> tuple[Ending, ...]:
        """The way in which each output ends, as far as it tells what the output means."""
        return tuple(ending(self._frozen, output) for output in self._frozen.outputs)

    @property
    def trained_as(self) -> tuple[Training | None, ...]:
        """The meaning that the file's losses give each output; None where it does not say."""
        return self.loaded.trained_as or (None,) * len(self.outputs)

    @property
    def beside(self) -> Beside:
        """The facts that the model carries beside its graph."""
        return beside(self.loaded.network)

    @property
    def heads(self) -> tuple[HeadSpec, ...]:
        """The heads: the meaning of each output, told by its shape and by how it ends."""
        return shown_heads(self.outputs, self.inputs, self.endings, self.trained_as)

    @property
    def has_preprocessing(self) -> bool:
        """Whether the model takes raw pixels (0..255), because a Rescaling or Normalization layer is at its input."""
        if self.loaded.has_preprocessing is None:
            return scales_input(self._frozen)
        return self.loaded.has_preprocessing

    @cached_property
    def scalings(self) -> dict[str, Scaling]:
        """The arithmetic that the model itself does to the pixels of its inputs before its first layer."""
        return input_scalings(self._frozen)

    @cached_property
    def finished(self) -> tuple[FinishedRows, ...]:
        """The outputs that are rows of finished boxes, each with the number of its class."""
        return finished_rows(self._frozen, self.predict)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for people on how the model was loaded, and on what it does."""
        reduces = self._batch_reduction
        if reduces is None:
            return self.loaded.notes
        layer = layer_of(reduces)
        note = f"layer {layer} reduces over the batch, so that its samples see each other: each is answered by itself"
        return (*self.loaded.notes, note)

    @cached_property
    def _batch_reduction(self) -> str | None:
        return batch_reduction(self._frozen)

    def freeze(self) -> FrozenGraph:
        """The one graph that all converters start from."""
        return self._frozen

    def layers(self) -> tuple[LayerRow, ...]:
        """The layers in order; for a SavedModel without Keras layers, the graph's operations."""
        if self.loaded.rows is None:
            return tuple(LayerRow(**row) for row in op_rows(self._frozen))
        scopes = {row.name: scope_name(row.name) for row in self.loaded.rows}
        macs = multiply_adds_by_layer(self._frozen, list(scopes.values()))
        return tuple(msgspec.structs.replace(row, multiply_adds=macs.get(scopes[row.name])) for row in self.loaded.rows)

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The model's own answers, computed by TensorFlow on the CPU, in batches that fit in memory.

        Args:
            inputs: For each input its samples, (N, *shape[1:]); any N.

        Returns:
            For each output its float32 answers, (N, *shape[1:]).

        Raises:
            UsageError: An input is missing, unknown, or of another shape.
        """
        columns = self._columns(inputs)
        count = len(columns[0])
        size = self._batch_size(count)
        parts: list[list[Array]] = []
        if count and size > 1 and self._seen != [True]:
            first = [column[:size] for column in columns]
            parts = [self._run(first, size)]
            if self._sees_others(first, parts[0], size):
                parts, size = [], 1
        starts = range(len(parts) * size, count, size)
        parts += [self._run([c[start : start + size] for c in columns], size) for start in starts]
        if not parts:
            return {out.name: np.zeros((0, *out.shape[1:]), np.float32) for out in self.outputs}
        joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return {out.name: values for out, values in zip(self.outputs, joined, strict=True)}

    def _columns(self, inputs: Mapping[str, Array]) -> list[Array]:
        if set(inputs) != {spec.name for spec in self.inputs}:
            wanted = ", ".join(spec.name for spec in self.inputs)
            raise UsageError(f"the model's inputs are {wanted}, got {', '.join(inputs) or 'none'}")
        for spec in self.inputs:
            if tuple(inputs[spec.name].shape[1:]) != spec.shape[1:]:
                got = tuple(inputs[spec.name].shape)
                raise UsageError(f"input {spec.name!r} takes samples of shape {spec.shape[1:]}, got {got}")
        columns = [np.asarray(inputs[spec.name]).astype(spec.dtype, copy=False) for spec in self.inputs]
        if len({len(column) for column in columns}) != 1:
            raise UsageError("the inputs do not have the same number of samples")
        return columns

    def _batch_size(self, count: int) -> int:
        declared = [port.shape[0] for port in self.loaded.inputs if port.shape and port.shape[0] is not None]
        if declared:
            return declared[0]
        if self._batch_reduction is not None:
            return 1
        sample = sum(4 * int(np.prod(spec.shape)) for spec in self.inputs)
        # At a batch of one, Keras takes some sums for biases of another axis (`graph.passes.bias_add`).
        return max(2, min(32, count, _BATCH_BYTES // max(sample, 1)))

    def _sees_others(self, batch: list[Array], together: list[Array], size: int) -> bool:
        """Tell whether the samples of a batch see each other: the answer to one changes with those around it."""
        if not self._seen:
            last = len(batch[0]) - 1
            self._seen.append(any(self._changes(batch, together, row, size) for row in {0, last}))
        return self._seen[0]

    def _changes(self, batch: list[Array], together: list[Array], row: int, size: int) -> bool:
        """Answer one sample of a batch again, with zeros in the place of all others: tell whether it changes."""
        alone = [np.zeros((size, *column.shape[1:]), column.dtype) for column in batch]
        for zeros, column in zip(alone, batch, strict=True):
            zeros[row] = column[row]
        answers = zip(together, self._run(alone, size), self._frozen.outputs, strict=True)
        return any(_differ(wanted[row], found[row], end.dtype) for wanted, found, end in answers)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks on what was seen while samples were answered."""
        return (_SEES,) if self._seen == [True] else ()

    def _run(self, columns: list[Array], size: int) -> list[Array]:
        """Answers to one batch; a short one is padded, because some models have a fixed batch."""
        count = len(columns[0])
        padded = [np.concatenate([c, np.repeat(c[-1:], size - count, axis=0)]) for c in columns]
        return [np.asarray(values, np.float32)[:count] for values in self._function(*padded)]

    @cached_property
    def _function(self) -> Any:
        import tensorflow as tf

        def run(*tensors: Any) -> list[Any]:
            return [tf.convert_to_tensor(value) for value in self.loaded.call(tensors)]

        def on_cpu(*columns: Array) -> list[Array]:
            with tf.device("/CPU:0"):
                return [value.numpy() for value in compiled(*(tf.constant(column) for column in columns))]

        compiled = tf.function(run, autograph=False)
        return on_cpu


def _differ(one: Array, other: Array, dtype: str) -> bool:
    """Tell whether two answers differ by more than rounding does; of whole numbers a few may be others."""
    if np.issubdtype(np.dtype(dtype), np.floating):
        return bool(np.abs(one - other).max(initial=0.0) > _OTHER * float(np.abs(other).max(initial=0.0)))
    return bool(np.mean(one != other) > 0.1)


def _freeze(loaded: Loaded, inputs: tuple[TensorSpec, ...]) -> FrozenGraph:
    try:
        return freeze(loaded.freezable(inputs), inputs, loaded.output_names, loaded.doubled_scopes)
    except EdgecvError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{spec.name} {spec.shape}" for spec in inputs)
        cause = gist(error)
        hint = hint_of(cause, _shape_hint(loaded))
        raise SourceError(f"the model does not run on {shapes}: {cause}", hint) from error


def _in_float32(
    loaded: Loaded, inputs: tuple[TensorSpec, ...], frozen: FrozenGraph
) -> tuple[Loaded, tuple[TensorSpec, ...], FrozenGraph]:
    """A model that computes in other floats, in float32: what gives its answers, its inputs and its graph."""
    batches = {port.shape[0] for port in loaded.inputs if port.shape}
    call = call_in_float32(loaded.call, inputs, None if None in batches else 1)
    note = "its graph computes in float16, bfloat16 or float64: float32 is taken in their place"
    plain = replace(loaded, call=call, notes=(*loaded.notes, note))
    return plain, tuple(spec_in_float32(spec) for spec in inputs), in_float32(frozen)


def _shape_hint(loaded: Loaded) -> str:
    if loaded.fixed_batch is not None:
        return f"It was built for a batch of {loaded.fixed_batch}: build it with an open batch (None), or with 1"
    if any(None in port.shape[1:] for port in loaded.inputs):
        return "Try another size in --input-shape"
    return "Call it in Python on one sample, model(samples[:1]): what fails there fails here"
