"""The rules of what each kind of Keras layer does with channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edgecv.compress.channels import INPUT, OUTPUT, Atoms, Channels
from edgecv.compress.kinds import DENSE, ELEMENTWISE, ELEMENTWISE_OPS, MERGE_OPS, MERGES, NORMALIZES, PASSES
from edgecv.compress.walk import Call, Graph, Shape


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call as its rule sees it: input atoms, and all shapes without the batch axis."""

    layer: Any
    name: str
    kind: str
    ins: list[Atoms]
    taken: list[Shape]
    made: list[Shape]
    channels: Channels
    constants: list[Any]


class NotFollowedError(Exception):
    """Channels cannot be followed through a layer; the text says why."""


Rule = Callable[[LayerCall], Atoms]


def read_channels(graph: Graph) -> Channels:
    """Follow the channels from the inputs to the outputs; inputs and outputs keep their widths.

    A layer that cannot be understood is never passed over: the channels around it stay, and it is listed in
    `blocked` with the reason.
    """
    channels = Channels()
    atoms: dict[int, Atoms] = {}
    for number in range(len(graph.inputs)):
        atoms[number] = channels.fresh(graph.shapes[number][-1] or 1)
        channels.fix(atoms[number], INPUT)
    channels.inputs = channels.count
    for call in graph.calls:
        _read(call, graph, atoms, channels)
    for number in graph.outputs:
        channels.fix(atoms[number], OUTPUT)
    channels.settle()
    return channels


def _read(call: Call, graph: Graph, atoms: dict[int, Atoms], channels: Channels) -> None:
    step = LayerCall(
        layer=call.layer,
        name=call.name,
        kind=type(call.layer).__name__,
        ins=[atoms[number] for number in call.inputs],
        taken=[graph.shapes[number][1:] for number in call.inputs],
        made=[graph.shapes[number][1:] for number in call.outputs],
        channels=channels,
        constants=call.constants,
    )
    try:
        atoms[call.outputs[0]] = _rule_of(step)(step)
    except NotFollowedError as refusal:
        made = [_last(shape) for shape in step.made]
        rows = [channels.made_by(call.name, f"output {n}", width) for n, width in enumerate(made)]
        atoms.update(zip(call.outputs, rows, strict=True))
        channels.refuse(call.name, step.kind, str(refusal), [*step.ins, *rows])


def _last(shape: Shape) -> int:
    return (shape[-1] or 1) if shape else 1


def _rule_of(step: LayerCall) -> Rule:
    home = type(step.layer).__module__
    if not home.startswith("keras."):
        raise NotFollowedError("a layer of your own: what it does with channels is not known")
    if len(step.made) != 1:
        raise NotFollowedError("it has several outputs")
    if getattr(step.layer, "data_format", None) == "channels_first":
        raise NotFollowedError("its channels come first")
    found = _OPS.get(step.kind) if home.startswith("keras.src.ops.") else _LAYERS.get(step.kind)
    if found is None:
        raise NotFollowedError("what it does with channels is not known here")
    return found


def _passes(step: LayerCall) -> Atoms:
    if len(step.ins) != 1 or _last(step.made[0]) != len(step.ins[0]):
        raise NotFollowedError("it changes the number of channels")
    return step.ins[0]


def _mixing_activation(step: LayerCall) -> str | None:
    """Say why the layer's activation is not one of each channel alone; None if it is."""
    function = getattr(step.layer, "activation", None)
    name = getattr(function, "__name__", None) or type(function).__name__
    known = function is None or name in ELEMENTWISE
    return None if known else f"its activation {name} works on all channels at once"


def _activation(step: LayerCall) -> Atoms:
    if reason := _mixing_activation(step):
        return _stays(step, reason)
    return _passes(step)


def _softmax(step: LayerCall) -> Atoms:
    return _stays(step, "it works on all channels at once")


def _stays(step: LayerCall, reason: str) -> Atoms:
    """The rule of layers that give as many channels as they take, none of which can go."""
    out = _passes(step)
    step.channels.refuse(step.name, step.kind, reason, [out])
    return out


def _rescaling(step: LayerCall) -> Atoms:
    return _passes(step) if not np.ndim(step.layer.scale) and not np.ndim(step.layer.offset) else _per_input(step)


def _per_input(step: LayerCall) -> Atoms:
    """A number for every channel, in the configuration: harmless where the channels are the model's inputs."""
    out = _passes(step)
    if out.max() >= step.channels.inputs:
        raise NotFollowedError("it has numbers of its own for every channel")
    return out


def _normalizes(step: LayerCall) -> Atoms:
    return _stays(step, "it normalizes across channels, so that each of them changes all others")


def _mixes(step: LayerCall) -> Atoms:
    """Dense, and convolutions: every output channel sees every input channel."""
    layer, channels, [ins] = step.layer, step.channels, step.ins
    if getattr(layer, "groups", 1) == len(ins) > 1:
        return _grouped_depthwise(step)
    if getattr(layer, "groups", 1) != 1:
        raise NotFollowedError(f"a convolution in {layer.groups} groups")
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        raise NotFollowedError("its weights are quantized, or have an adapter")
    transposed = step.kind.endswith("Transpose")
    out = _output(step)
    channels.slot(step.name, "kernel", -1 if transposed else -2, ins, "in")
    channels.slot(step.name, "kernel", -2 if transposed else -1, out, "out")
    _bias(step, out)
    channels.edit(step.name, "units" if step.kind == "Dense" else "filters", out)
    places = step.taken[0] if transposed else step.made[0]
    channels.multiply(step.name, _size(places[:-1]) * prod(getattr(layer, "kernel_size", ())), ins, out)
    return out


def _output(step: LayerCall) -> Atoms:
    """New channels; they stay where the layer's own activation works on all of them (a softmax)."""
    out = step.channels.made_by(step.name, "output", _last(step.made[0]))
    reason = _mixing_activation(step)
    if reason:
        step.channels.refuse(step.name, step.kind, reason, [out])
    return out


def _bias(step: LayerCall, out: Atoms) -> None:
    if step.layer.use_bias:
        step.channels.slot(step.name, "bias", 0, out, "out")


def _size(shape: Shape) -> int:
    return prod(size or 1 for size in shape)


def _depthwise(step: LayerCall) -> Atoms:
    layer, channels, [ins] = step.layer, step.channels, step.ins
    if reason := _mixing_activation(step):
        raise NotFollowedError(reason)
    out = np.repeat(ins, layer.depth_multiplier)
    channels.slot(step.name, "kernel", -2, ins, "each")
    if layer.use_bias:
        channels.slot(step.name, "bias", 0, out, "each")
    channels.multiply(step.name, _size(step.made[0][:-1]) * prod(layer.kernel_size), out, None)
    return out


def _grouped_depthwise(step: LayerCall) -> Atoms:
    """A convolution with as many groups as input channels: depthwise, written differently."""
    layer, channels, [ins] = step.layer, step.channels, step.ins
    if reason := _mixing_activation(step):
        raise NotFollowedError(reason)
    out = np.repeat(ins, layer.filters // len(ins))
    channels.slot(step.name, "kernel", -1, out, "each")
    if layer.use_bias:
        channels.slot(step.name, "bias", 0, out, "each")
    channels.edit(step.name, "filters", out)
    channels.edit(step.name, "groups", ins)
    channels.multiply(step.name, _size(step.made[0][:-1]) * prod(layer.kernel_size), out, None)
    return out


def _separable(step: LayerCall) -> Atoms:
    layer, channels, [ins] = step.layer, step.channels, step.ins
    deep = np.repeat(ins, layer.depth_multiplier)
    out = _output(step)
    channels.slot(step.name, "depthwise_kernel", -2, ins, "each")
    channels.slot(step.name, "pointwise_kernel", -2, deep, "in")
    channels.slot(step.name, "pointwise_kernel", -1, out, "out")
    _bias(step, out)
    channels.edit(step.name, "filters", out)
    places = _size(step.made[0][:-1])
    channels.multiply(step.name, places * prod(layer.kernel_size), deep, None)
    channels.multiply(step.name, places, deep, out)
    return out


def _batch_norm(step: LayerCall) -> Atoms:
    axis = step.layer.axis
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if axis not in {-1, len(step.taken[0])}:
        raise NotFollowedError("it does not normalize along the last axis")
    out = _passes(step)
    for weight in step.layer.weights:
        step.channels.slot(step.name, weight.name, 0, out, "each")
    return out


def _layer_scale(step: LayerCall) -> Atoms:
    out = _passes(step)
    step.channels.slot(step.name, "gamma", 0, out, "each")
    step.channels.edit(step.name, "projection_dim", out)
    return out


def _prelu(step: LayerCall) -> Atoms:
    out = _passes(step)
    if step.layer.alpha.shape[-1] == len(out):
        step.channels.slot(step.name, "alpha", -1, out, "each")
    return out


def _flatten(step: LayerCall) -> Atoms:
    [ins] = step.ins
    return np.tile(ins, _last(step.made[0]) // len(ins))


def _reshape(step: LayerCall) -> Atoms:
    """Followed where it keeps the last axis, or makes one axis of all."""
    [ins], [taken], [made] = step.ins, step.taken, step.made
    if len(made) == 1 and taken:
        out = _flatten(step)
        step.channels.edit(step.name, "target_shape", out, ())
        return out
    if len(made) == 0 or _last(made) != _last(taken):
        raise NotFollowedError("it spreads channels over other axes")
    step.channels.edit(step.name, "target_shape", ins, tuple(int(size or -1) for size in made[:-1]))
    return ins


def _merge(step: LayerCall) -> Atoms:
    if len({len(shape) for shape in step.taken}) != 1:
        raise NotFollowedError("its inputs differ in rank")
    if any(np.ndim(value) for value in step.constants):
        raise NotFollowedError("one of its sides is a constant tensor")
    widest = max(step.ins, key=len)
    for ins in step.ins:
        step.channels.tie(widest, ins)
    return widest


def _concatenate(step: LayerCall) -> Atoms:
    rank = len(step.made[0]) + 1
    if step.layer.axis % rank == rank - 1:
        return np.concatenate(step.ins)
    for ins in step.ins[1:]:
        step.channels.tie(step.ins[0], ins)
    return step.ins[0]


_LAYERS: dict[str, Rule] = {
    **dict.fromkeys(PASSES, _passes),
    **dict.fromkeys(NORMALIZES, _normalizes),
    **dict.fromkeys(MERGES, _merge),
    **dict.fromkeys(sorted(DENSE | {f"Conv{n}DTranspose" for n in (1, 2, 3)}), _mixes),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    "Activation": _activation,
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenate,
    "CustomScaleLayer": _merge,
    "Flatten": _flatten,
    "LayerScale": _layer_scale,
    "StochasticDepth": _passes,
    "Normalization": _per_input,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Softmax": _softmax,
}
_OPS: dict[str, Rule] = {**dict.fromkeys(ELEMENTWISE_OPS, _passes), **dict.fromkeys(MERGE_OPS, _merge)}
