"""Memory of frames goes round, and never while somebody holds it."""

from __future__ import annotations

import numpy as np
from edgecv_runtime.stream.memory import KEPT, FrameMemory

SHAPE = (4, 6, 3)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_given_out_again_once_nobody_holds_it():
    memory = FrameMemory()
    first = memory.take(SHAPE)
    assert (first.shape, first.dtype, first.flags.writeable, first.flags.c_contiguous) == (SHAPE, np.uint8, True, True)
    place = address(first)
    second = memory.take(SHAPE)
    assert address(second) != place
    del first
    assert address(memory.take(SHAPE)) == place


def test_a_view_of_a_view_holds_the_memory():
    memory = FrameMemory()
    views = [
        lambda array: array[..., ::-1],
        lambda array: array[1:][..., ::-1][:, 2:],
        lambda array: array.reshape(-1)[5:9],
        memoryview,
        lambda array: np.asarray(memoryview(array)),
    ]
    for view in views:
        array = memory.take(SHAPE)
        array[...] = 7
        held = view(array)
        place = address(array)
        del array
        others = [memory.take(SHAPE) for _ in range(3)]
        assert place not in map(address, others)
        for other in others:
            other[...] = 9
        assert (np.asarray(held) == 7).all()
        del held, others


def test_memory_of_another_size_is_not_given_out():
    memory = FrameMemory()
    del_me = memory.take((2, 2, 3))
    del del_me
    assert memory.take(SHAPE).shape == SHAPE
    assert memory.take((2, 2, 3)).shape == (2, 2, 3)


def test_it_keeps_only_some():
    memory = FrameMemory()
    many = [memory.take(SHAPE) for _ in range(3 * KEPT)]
    many.clear()
    assert len(memory._free) == KEPT
