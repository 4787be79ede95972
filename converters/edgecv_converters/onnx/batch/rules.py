"""The place in which each operation of ONNX leaves the batch, and which of its constants hold the size of the batch.

Operations are those of ONNX's operator set 17 (https://onnx.ai/onnx/operators).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

import numpy as np

from edgecv_converters.onnx.batch.step import Place, Step, UnfollowedError

Rule = Callable[[Step], Place | tuple[Place, ...]]  # of all outputs, or of each


def kept(step: Step) -> Place:
    """Each element by itself."""
    return step.place


def broadcast(step: Step) -> Place:
    """Elements of several inputs, aligned at their last axes."""
    rank = len(step.out())
    aligned = {place.moved(rank - len(step.shape(p)) + place.axis) for p, place in step.places.items()}
    if len(aligned) > 1:
        raise UnfollowedError("combines values of one sample with those of others")
    (place,) = aligned
    for position, name in enumerate(step.node.input):
        if position in step.places or not name:
            continue
        axis = place.axis - rank + len(step.shape(position))
        if axis < 0 or step.shape(position)[axis] == 1:
            continue
        if step.shape(position)[axis] != place.length:
            raise UnfollowedError("repeats a sample along the batch")
        step.repeat(position, place.moved(axis))
    return place


def first_axis(step: Step) -> Place:
    """Pictures, whose first axis is the batch."""
    if step.place.axis != 0:
        raise UnfollowedError("has the batch at another axis than the first")
    return step.place


def rounding(step: Step) -> Place:
    """QuantizeLinear and DequantizeLinear, whose scales may be of another axis."""
    place = step.place
    if math.prod(step.shape(1)) > 1 and step.attribute("axis", 1) % len(step.out()) == place.axis:
        raise UnfollowedError("has a scale for each sample")
    return place


def transposed(step: Step) -> Place:
    """The place after a permutation of the axes."""
    rank = len(step.out())
    order = list(step.attribute("perm", range(rank)[::-1]))
    return step.place.moved(order.index(step.place.axis))


def reshaped(step: Step) -> Place:
    """The axis before which there are as many elements as before; of several, one that is the batch alone."""
    before, out = step.place, list(step.out())
    ahead = math.prod(step.shape(0)[: before.axis]) * before.outer
    axis, outer = _boundary(out, ahead, before.axis)
    place = Place(axis, inner=out[axis] // outer, outer=outer)
    out[axis] *= step.batch
    step.replace(1, np.asarray(out, np.int64))
    return place


def _boundary(shape: Sequence[int], ahead: int, preferred: int) -> tuple[int, int]:
    """The axis of a shape that a place with so many elements `ahead` of it is in, and those ahead of it in the axis.

    Between two axes it is at the end of the first: then rows, not columns, are of several samples.
    """
    products = [math.prod(shape[:axis]) for axis in range(len(shape))]
    alone = [axis for axis, size in enumerate(shape) if size == 1 and products[axis] == ahead]
    if alone:
        return (preferred if preferred in alone else alone[0]), 1
    for axis, (product_before, size) in enumerate(zip(products, shape, strict=True)):
        if ahead == 1 or product_before * size >= ahead:
            if ahead % product_before or size % (ahead // product_before):
                break
            return axis, ahead // product_before
    raise UnfollowedError("merges the batch with parts of samples")


def squeezed(step: Step) -> Place:
    """The place after axes of one element are dropped; without the batch's own axis a sample is rows of the next."""
    rank = len(step.shape(0))
    given = step.value(1)
    axes = [n for n, size in enumerate(step.shape(0)) if size == 1] if given is None else given.ravel().tolist()
    dropped = [axis % rank for axis in axes]
    if step.place.axis not in dropped:
        return _without(step.place, dropped)
    return flattened(step)


def unsqueezed(step: Step) -> Place:
    """The place after axes of one element are put in."""
    axes = step.value(1)
    assert axes is not None
    free = sorted(set(range(len(step.out()))) - {int(axis) % len(step.out()) for axis in axes.ravel()})
    return step.place.moved(free[step.place.axis])


def flattened(step: Step) -> Place:
    """Another number of axes, like a Reshape to the same shape."""
    step.as_reshape()
    return reshaped(step)


def joined(step: Step) -> Place | tuple[Place, ...]:
    """Parts side by side; a part that is the same for all samples is repeated for each."""
    axis = step.attribute("axis", None) % len(step.out())
    place, *others = set(step.places.values())
    if axis != place.axis and not others:
        for position in range(len(step.node.input)):
            if position not in step.places:
                step.repeat(position, place)
        return place
    if len(step.places) < len(step.node.input) or any(other.axis != axis for other in (place, *others)):
        raise UnfollowedError("combines values of one sample with those of others")
    for position, one in step.places.items():
        if one.outer > 1:
            raise UnfollowedError("combines values of one sample with those of others")
        step.apart(position, [step.batch, one.length])
    step.set_attribute("axis", axis + 1)
    return step.merge_batch(Place(axis))


def parted(step: Step) -> Place | tuple[Place, ...]:
    """Split, along one axis; where that is the batch's, each sample's own part of it is split."""
    if step.attribute("axis", 0) % len(step.shape(0)) != step.place.axis:
        return step.place
    step.set_attribute("axis", step.split_batch(0))
    return step.merge_batch(step.place)


def along_last(step: Step) -> Place:
    """Work along the axis that an attribute names, the last by default, and no other."""
    if step.attribute("axis", -1) % len(step.shape(0)) == step.place.axis:
        raise UnfollowedError("works along the batch")
    return step.place


def reversed_in_time(step: Step) -> Place | tuple[Place, ...]:
    """ReverseSequence, which has a length for each sample."""
    time, samples = step.attribute("time_axis", 0), step.attribute("batch_axis", 1)
    if step.place.axis == samples:
        step.repeat(1, step.place.moved(0))
    if step.place.axis != time:
        return step.place
    if step.place.axis != 0 or step.place.outer > 1 or step.shape(0)[samples] > 1:
        raise UnfollowedError("works along the batch")
    step.repeat(1, Place(0))
    step.set_attribute("time_axis", step.split_batch(0))
    step.set_attribute("batch_axis", 0)
    return step.merge_batch(step.place)


def normalized(step: Step) -> Place:
    """LayerNormalization, over an axis and all after it."""
    if step.attribute("axis", -1) % len(step.shape(0)) <= step.place.axis:
        raise UnfollowedError("works along the batch")
    return step.place


def sliced(step: Step) -> Place | tuple[Place, ...]:
    """A part of each sample; all of the batch."""
    rank, place = len(step.shape(0)), step.place
    starts, ends, given, steps = (step.value(position) for position in (1, 2, 3, 4))
    assert starts is not None
    assert ends is not None
    axes = list(range(len(starts))) if given is None else [int(axis) % rank for axis in given]
    if place.axis not in axes:
        return place
    number = axes.index(place.axis)
    if starts[number] == 0 and ends[number] >= place.length and (steps is None or steps[number] == 1):
        changed = ends.copy()
        changed[number] = np.iinfo(ends.dtype).max
        step.replace(2, changed)
        return place
    if given is None:
        raise UnfollowedError("takes a part of what samples have side by side")
    own = step.split_batch(0)
    moved = [own if axis == place.axis else axis + (axis > place.axis) for axis in axes]
    step.replace(3, np.asarray(moved, given.dtype))
    return step.merge_batch(place)


def padded(step: Step) -> Place:
    """Values around each sample; none around the batch."""
    pads, rank = step.value(1), len(step.shape(0))
    assert pads is not None
    if pads[step.place.axis] or pads[step.place.axis + rank]:
        raise UnfollowedError("pads the batch")
    return step.place


def resized(step: Step) -> Place:
    """Scales of one at the batch, or sizes that hold its size."""
    place, scales, sizes = step.place, step.value(2), step.value(3)
    if scales is not None and scales.size and scales[place.axis] != 1:
        raise UnfollowedError("resizes the batch")
    if sizes is not None:
        if sizes[place.axis] != step.shape(0)[place.axis]:
            raise UnfollowedError("resizes the batch")
        step.replace(3, _times(sizes, place.axis, step.batch))
    return place


def gathered(step: Step) -> Place | tuple[Place, ...]:
    """Elements of each sample, or rows of a constant table for the indices of each sample."""
    axis, ranks = step.attribute("axis", 0) % len(step.shape(0)), len(step.shape(1))
    if set(step.places) == {1}:
        return step.places[1].moved(axis + step.places[1].axis)
    place = step.place
    if place.axis != axis:
        return place if place.axis < axis else place.moved(place.axis + ranks - 1)
    step.set_attribute("axis", step.split_batch(0))
    return step.merge_batch(place)


def reduced(step: Step) -> Place:
    """The place after a reduction over other axes; they are an attribute, or of ReduceSum an input."""
    rank = len(step.shape(0))
    given = step.attribute("axes", None)
    if given is None and len(step.node.input) > 1:
        found = step.value(1)
        given = None if found is None else found.tolist()
    axes = [int(axis) % rank for axis in given] if given is not None else list(range(rank))
    after = _without(step.place, axes)
    return step.place if step.attribute("keepdims", 1) else after


def chosen(step: Step) -> Place:
    """ArgMax and ArgMin, along one axis."""
    axis = step.attribute("axis", 0) % len(step.shape(0))
    after = _without(step.place, [axis])
    return step.place if step.attribute("keepdims", 1) else after


def expanded(step: Step) -> Place:
    """A tensor that is repeated to a larger shape, which holds the size of the batch."""
    wanted, rank = step.value(1), len(step.out())
    assert wanted is not None
    place = step.place.moved(rank - len(step.shape(0)) + step.place.axis)
    if step.out()[place.axis] != place.length:
        raise UnfollowedError("repeats a sample along the batch")
    at = place.axis - rank + len(wanted)
    if at >= 0 and wanted[at] != 1:
        step.replace(1, _times(wanted, at, step.batch))
    return place


def tiled(step: Step) -> Place:
    """A tensor that is repeated, but not along the batch."""
    repeats = step.value(1)
    assert repeats is not None
    if repeats[step.place.axis] != 1:
        raise UnfollowedError("repeats a sample along the batch")
    return step.place


def encoded(step: Step) -> Place:
    """OneHot, which puts an axis in."""
    at = step.attribute("axis", -1) % len(step.out())
    return step.place if step.place.axis < at else step.place.moved(step.place.axis + 1)


def product(step: Step) -> Place:
    """MatMul: rows and columns stay, what is summed over is no batch; leading axes are aligned like `broadcast`."""
    rank = len(step.out())
    places = set()
    for position, place in step.places.items():
        own = len(step.shape(position))
        if own < 2 or place.axis == own - 1 - position:
            raise UnfollowedError("sums over the batch")
        places.add(place.moved(rank - own + place.axis))
    (place, *others) = places
    if others or (len(step.places) == 2 and place.axis >= rank - 2):
        raise UnfollowedError("combines values of one sample with those of others")
    other = 1 - next(iter(step.places))
    if len(step.places) == 1 and place.axis < rank - 2:
        axis = place.axis - rank + len(step.shape(other))
        if axis >= 0 and step.shape(other)[axis] != 1:
            if step.shape(other)[axis] != place.length:
                raise UnfollowedError("repeats a sample along the batch")
            step.repeat(other, place.moved(axis))
    return place


def affine(step: Step) -> Place:
    """Gemm: its rows, and those of what is added, are samples."""
    (place, *others) = set(step.places.values())
    if others or place.axis != 0 or 1 in step.places or (0 in step.places and step.attribute("transA", 0)):
        raise UnfollowedError("sums over the batch")
    if 0 not in step.places:
        step.repeat(0, place)
    elif 2 not in step.places and len(step.node.input) > 2:
        rows = step.shape(2)[0] if len(step.shape(2)) == 2 else 1
        if rows == place.length > 1:
            step.repeat(2, place)
    return place


def summed(step: Step) -> Place:
    """Einsum: the batch's letter is the same in every input that has one, in no other, and in the output.

    Where a sample has several elements there, all inputs have the batch at the same side of them.
    """
    inputs, _, output = step.attribute("equation", b"").decode().replace(" ", "").partition("->")
    terms = inputs.split(",")
    letters = {terms[position][place.axis] for position, place in step.places.items()}
    shared = {letter for position, term in enumerate(terms) if position not in step.places for letter in term}
    if "." in inputs or len(letters) != 1 or letters & shared or not letters <= set(output):
        raise UnfollowedError("sums over the batch")
    letter, (place, *others) = letters.pop(), {place.moved(0) for place in step.places.values()}
    if others:
        raise UnfollowedError("combines values of one sample with those of others")
    return place.moved(output.index(letter))


def unknown(step: Step) -> NoReturn:  # noqa: ARG001
    """Refuse an operation that is none of `RULES`."""
    raise UnfollowedError("is not known to keep the samples of a batch apart")


def _without(place: Place, axes: Sequence[int]) -> Place:
    """The place once axes are gone."""
    if place.axis in axes:
        raise UnfollowedError("reduces over the batch")
    return place.moved(place.axis - sum(axis < place.axis for axis in axes))


def _times(sizes: np.ndarray, at: int, batch: int) -> np.ndarray:
    changed = sizes.copy()
    changed[at] *= batch
    return changed


def _for_all(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Final[Mapping[str, Rule]] = {
    **_for_all(
        kept,
        "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu "
        "HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink "
        "Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu",
    ),
    **_for_all(
        broadcast,
        "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean "
        "Min Mod Mul Or PRelu Pow Sub Sum Where Xor",
    ),
    **_for_all(
        first_axis,
        "AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalMaxPool "
        "InstanceNormalization LRN MaxPool SpaceToDepth",
    ),
    **_for_all(rounding, "QuantizeLinear DequantizeLinear"),
    **_for_all(along_last, "Softmax LogSoftmax Hardmax LpNormalization TopK"),
    **_for_all(
        reduced,
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare",
    ),
    **_for_all(chosen, "ArgMax ArgMin"),
    "Concat": joined,
    "Einsum": summed,
    "Expand": expanded,
    "Flatten": flattened,
    "Gather": gathered,
    "Gemm": affine,
    "LayerNormalization": normalized,
    "MatMul": product,
    "OneHot": encoded,
    "Pad": padded,
    "Reshape": reshaped,
    "Resize": resized,
    "ReverseSequence": reversed_in_time,
    "Slice": sliced,
    "Split": parted,
    "Squeeze": squeezed,
    "Tile": tiled,
    "Transpose": transposed,
    "Unsqueeze": unsqueezed,
}
