"""Writes an ML program from a TFLite file's tensors: layouts, quantize/dequantize pairs, constants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.coreml.int8.value import TO_CHW, TO_FILE, Layout, Value, arranged, laid_out
from edgecv_converters.coreml.names import identifier
from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import dtype_of
from edgecv_converters.tflite.reader import Array, Grid, Op, Shape, TFLiteGraph

Compute = Literal["float16", "float32"]
QUANTIZED = {"int8": 0, "uint8": 128}  # each dtype's distance from int8
KNOWN = frozenset({*QUANTIZED, "float32", "float16", "int32", "int64", "bool"})
ACTIVATIONS = {0: "", 1: "relu", 2: "clip", 3: "relu6", 4: "tanh"}  # TFLite's ActivationFunctionType


class Emitter:
    """The program as it grows. Operations ask it for their operands and give it their results.

    Each int8 tensor of the file gets one pair of `quantize` and `dequantize` with the file's scale and zero point, and
    all its readers read that pair's result. Core ML's runtime takes an operation between such pairs for an int8 one.
    The values with a zero point of -128 are written as uint8 without one, and those with 0 as int8 without one: the
    same real numbers in the form that coremltools' own passes give them.
    """

    def __init__(self, flat: TFLiteGraph, builder: Any, compute: Compute, reserved: Collection[str]) -> None:
        self.flat = flat
        self.mb = builder
        self.compute = compute
        self._values: dict[int, Value] = {}
        self._folded: dict[int, Array] = {}
        self._names = dict.fromkeys(reserved, 1)
        self._given: dict[int, str] = {}

    @property
    def float(self) -> Any:
        """The float type that is computed in now, by NumPy's name."""
        return np.dtype(self.compute).type

    # What the file holds

    def shape(self, number: int) -> Shape:
        """A tensor's shape in the file."""
        return self.flat.shape(number)

    def layer(self, op: Op) -> str:
        """The source model's layer of an operation."""
        return layer_of_fused(self.flat.graph.tensors[op.outputs[0]].name.decode())

    def name(self, number: int) -> str:
        """Name the operation that makes a tensor."""
        if number not in self._given:
            self._given[number] = self.unique(self.flat.graph.tensors[number].name.decode().partition(";")[0])
        return self._given[number]

    def unique(self, wanted: str) -> str:
        """A name that was not given yet."""
        base = identifier(wanted)
        count = self._names.get(base, 0)
        self._names[base] = count + 1
        return base if count == 0 else self.unique(f"{base}_{count}")

    def grid(self, number: int) -> Grid | None:
        """A tensor's scale and zero point as of int8; None where it is not quantized."""
        tensor = self.flat.graph.tensors[number]
        dtype = dtype_of(tensor)
        if dtype not in KNOWN:
            layer = layer_of_fused(tensor.name.decode())
            raise ConversionError(f"Core ML has no form for {dtype} activations (layer {layer})", "Ask for int8")
        if dtype not in QUANTIZED or not self.flat.is_quantized(number):
            return None
        found = self.flat.grid(number)
        return Grid(found.scale, found.zero - QUANTIZED[dtype])

    def is_constant(self, number: int) -> bool:
        """Tell whether a tensor is the same for all inputs."""
        return number in self._folded or self.flat.is_constant(number)

    def constant(self, number: int) -> Array:
        """A constant's real values in float32; integers that are not quantized as they are."""
        if number in self._folded:
            return self._folded[number]
        stored = self.flat.value(number)
        if stored.dtype.kind == "f":
            return stored.astype(np.float32)
        return self.flat.dequantized(number) if self.flat.is_quantized(number) else stored

    def integers_of(self, number: int) -> list[int]:
        """A constant of axes, sizes or indices."""
        return [int(value) for value in np.asarray(self.constant(number)).reshape(-1)]

    def is_float(self, number: int) -> bool:
        """Tell whether a tensor holds floats in the file."""
        return dtype_of(self.flat.graph.tensors[number]) in {"float16", "float32"}

    def fold(self, number: int, value: Array) -> None:
        """Keep a tensor as a constant."""
        self._folded[number] = value

    # Values

    def value(self, number: int) -> Value:
        """A tensor that was given."""
        return self._values[number]

    def alias(self, number: int, value: Value) -> None:
        """Let a tensor be another one's values."""
        self._values[number] = value

    def give(self, number: int, result: Any, layout: Layout, activation: int = 0) -> None:
        """Keep an operation's result, in a float type and not yet rounded; apply the fused activation to it."""
        if activation:
            result = self._activated(result, activation, number)
        self._check(number, result, layout)
        value = Value(self.name(number), self.shape(number), self.grid(number), layout)
        value.raw[layout] = result
        self._values[number] = value

    def give_integers(self, number: int, result: Any, layout: Layout) -> None:
        """Keep int8 values that are on the tensor's grid already."""
        self._check(number, result, layout)
        value = Value(self.name(number), self.shape(number), self.grid(number), layout)
        value.integers[layout] = result
        self._values[number] = value

    def _check(self, number: int, result: Any, layout: Layout) -> None:
        expected = laid_out(self.shape(number), layout)
        if tuple(result.shape) != expected:
            name = self.flat.graph.tensors[number].name.decode()
            raise ConversionError(f"the Core ML form of {name} has the shape {tuple(result.shape)}, not {expected}")

    def _activated(self, result: Any, activation: int, number: int) -> Any:
        kind = ACTIVATIONS.get(activation)
        if kind is None:
            layer = layer_of_fused(self.flat.graph.tensors[number].name.decode())
            raise ConversionError(f"Core ML has no form for the fused activation {activation} (layer {layer})")
        name = self.name(number)
        if result.name == name:  # the source's value of this name is the activation's result
            result.name = result.op.name = self.unique(f"{name}_linear")
        else:
            name = self.unique(f"{result.name}_{kind}")
        if kind == "clip":
            return self.mb.clip(x=result, alpha=self.float(-1), beta=self.float(1), name=name)
        return getattr(self.mb, kind)(x=result, name=name)

    # Operands

    def layout_of(self, numbers: Sequence[int]) -> Layout:
        """The layout to compute in: channels first if one of the operands is there already."""
        found = [self._values[number] for number in numbers if number in self._values]
        first = any(value.home is Layout.CHW for value in found)
        return Layout.CHW if first else Layout.FILE

    def reals(self, number: int, layout: Layout) -> Any:
        """A tensor's values, rounded to its grid, in the program's float type (indices: as they are)."""
        return self.reals_of(self._values[number], layout)

    def reals_of(self, value: Value, layout: Layout) -> Any:
        """Return the real numbers of a value."""
        place = (layout, self.compute)
        if place not in value.reals:
            if value.grid is None:
                value.reals[place] = self._computed(self.raw(value, layout), value.name)
            else:
                value.reals[place] = self._dequantized(value, layout, self.float, self.unique(f"{value.name}_real"))
        return value.reals[place]

    def operand(self, number: int, layout: Layout, rank: int) -> Any:
        """One of several operands of an elementwise operation whose result has `rank` axes."""
        if number in self._values:
            value = self._values[number]
            if layout is Layout.CHW and len(value.shape) < rank:
                value = self.reshaped(value, (1,) * (rank - len(value.shape)) + value.shape)
            return self.reals_of(value, layout)
        return self.floats(arranged(self.constant(number), layout, rank))

    def reshaped(self, value: Value, shape: Shape) -> Value:
        """Reshape a value in the file's order; its integers are moved, not its real numbers."""
        source = value.home if value.is_flat else Layout.FILE
        result = Value(value.name, tuple(shape), value.grid, Layout.FILE)
        result.home = Layout.CHW if result.is_flat else Layout.FILE
        target, name = laid_out(result.shape, result.home), self.unique(f"{value.name}_reshaped")
        kept, given = (result.raw, self.raw) if value.grid is None else (result.integers, self.integers)
        moved = given(value, source)
        kept[result.home] = moved if tuple(moved.shape) == target else self._reshape(moved, target, name)
        return result

    def _reshape(self, x: Any, shape: Shape, name: str) -> Any:
        return self.mb.reshape(x=x, shape=np.array(shape, np.int32), name=name)

    def integers(self, value: Value, layout: Layout) -> Any:
        """A quantized tensor's integers."""
        if layout not in value.integers:
            if value.is_flat and value.integers:
                (held,) = value.integers.values()
                name = self.unique(f"{value.name}_reshaped")
                value.integers[layout] = self._reshape(held, laid_out(value.shape, layout), name)
            else:
                value.integers[layout] = self._quantized(value, layout)
        return value.integers[layout]

    def _quantized(self, value: Value, layout: Layout) -> Any:
        assert value.grid is not None, "only what has a grid is rounded to it"
        raw = self.raw(value, layout)
        scale = np.dtype(str(self.dtype(raw))).type(value.grid.scale)
        if scale == 0:
            raise ConversionError(
                f"the scale {value.grid.scale:.3g} of {value.name} is zero in {self.dtype(raw)}",
                "Ask for another precision",
            )
        dtype, zero = stored(value.grid)
        given = {} if zero is None else {"zero_point": zero}
        name = self.unique(f"{value.name}_{dtype}")
        return self.mb.quantize(input=raw, scale=scale, output_dtype=dtype, name=name, **given)

    def _dequantized(self, value: Value, layout: Layout, dtype: Any, name: str) -> Any:
        assert value.grid is not None, "only what has a grid has integers"
        _, zero = stored(value.grid)
        given = {} if zero is None else {"zero_point": zero}
        return self.mb.dequantize(input=self.integers(value, layout), scale=dtype(value.grid.scale), name=name, **given)

    def raw(self, value: Value, layout: Layout) -> Any:
        """Values before rounding; where only rounded ones are held, those: rounding them again changes nothing."""
        if layout in value.raw:
            return value.raw[layout]
        if value.raw:
            held = next(iter(value.raw.values()))
        else:
            held = self.reals_of(value, value.home)
            if layout is value.home:
                return held
        name = self.unique(f"{value.name}_{'nchw' if layout is Layout.CHW else 'nhwc'}")
        if value.is_flat:
            value.raw[layout] = self._reshape(held, laid_out(value.shape, layout), name)
        else:
            order = TO_CHW if layout is Layout.CHW else TO_FILE
            value.raw[layout] = self.mb.transpose(x=held, perm=np.array(order, np.int32), name=name)
        return value.raw[layout]

    def _computed(self, x: Any, name: str) -> Any:
        if self.dtype(x) not in {"float16", "float32"} or self.dtype(x) == self.compute:
            return x
        return self.mb.cast(
            x=x, dtype="fp16" if self.compute == "float16" else "fp32", name=self.unique(f"{name}_cast")
        )

    @staticmethod
    def dtype(x: Any) -> str:
        """A variable's dtype by NumPy's name."""
        from coremltools.converters.mil.mil import types

        return str(np.dtype(types.nptype_from_builtin(x.dtype)))

    # Constants

    def floats(self, array: Array) -> Array:
        """Real constants in the program's float type; integers become int32, and what is true or false stays so."""
        if array.dtype.kind != "f":
            return array if array.dtype.kind == "b" else array.astype(np.int32)
        with np.errstate(over="ignore"):
            result: Array = array.astype(self.float)
        if not np.isfinite(result).all() and np.isfinite(array).all():
            raise ConversionError(
                f"a constant of {np.abs(array).max():.4g} is too large for float16", "Ask for another precision"
            )
        return result

    def weight(self, number: int, arrange: Callable[[Array], Array], axis: int, name: str) -> Any:
        """A constant weight: int8 with the file's scales where the file has it so, else in the program's float type.

        Args:
            number: The tensor.
            arrange: From the file's order to Core ML's.
            axis: The channels' axis in Core ML's order.
            name: What to name it.
        """
        if number in self._folded or dtype_of(self.flat.graph.tensors[number]) != "int8":
            return self.mb.const(val=self.floats(arrange(self.constant(number))), name=self.unique(name))
        quantization = self.flat.graph.tensors[number].quantization
        scale = np.asarray(quantization.scale, np.float32).astype(self.float)
        zero = np.asarray(quantization.zeroPoint, np.int8)
        one = len(scale) == 1
        return self.mb.constexpr_affine_dequantize(
            quantized_data=np.ascontiguousarray(arrange(self.flat.value(number))),
            scale=scale[0] if one else scale,
            zero_point=zero[0] if one else zero,
            axis=np.int32(axis),
            name=self.unique(name),
        )

    def output(self, number: int, name: str) -> Any:
        """A model's output: float32, in the file's layout; of a quantized one, what its integers say exactly."""
        if self.is_constant(number):
            return self.mb.identity(x=self.constant(number), name=name)
        value = self._values[number]
        if value.grid is not None:
            return self._dequantized(value, Layout.FILE, np.float32, name)
        raw = self.raw(value, Layout.FILE)
        if self.dtype(raw) == "float16":
            return self.mb.cast(x=raw, dtype="fp32", name=name)
        return self.mb.identity(x=raw, name=name)


def stored(grid: Grid) -> tuple[str, Any]:
    """The dtype of the integers in the program and their zero point, None for 0."""
    if grid.zero == -128:
        return "uint8", None
    return "int8", None if grid.zero == 0 else np.int8(grid.zero)
