"""The maps that a layer of a .tflite file gives, by the kernels that a device runs."""

from __future__ import annotations

import numpy as np

from edgecv_converters.graph.layers import layer_of_fused, layer_without_map
from edgecv_converters.quantize.layers import real_values
from edgecv_converters.quantize.watched import WatchedFile
from edgecv_converters.tflite.describe import parsed
from edgecv_converters.tflite.reader import Array, TFLiteGraph

MAP_AXES = 4
CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})


def layer_maps(data: bytes, layer: str, samples: Array) -> Array:
    """Return the last map that the operations of a layer give.

    Args:
        data: The file, which has one input.
        layer: The source model's layer.
        samples: Raw tensors of that input, (n, ...).

    Returns:
        (n, height, width, channels) float32.

    Raises:
        UsageError: The file has no such layer with a map of several places.
    """
    graph = TFLiteGraph(parsed(data))
    found = {
        layer_of_fused(graph.graph.tensors[number].name.decode()): number
        for op in graph.ops
        for number in op.outputs
        if op.kind not in CASTS and _is_map(graph.shape(number))
    }
    if layer not in found:
        raise layer_without_map(layer, found)
    tensor = found[layer]
    grid = graph.grid(tensor) if graph.is_quantized(tensor) else None
    file, maps = WatchedFile(data, [tensor]), []
    batch = graph.shape(int(graph.graph.inputs[0]))[0]
    for row in range(len(samples)):
        file.run([samples[row : row + 1].repeat(batch, axis=0)])
        maps.append(real_values(file.value(tensor), grid)[0])
    return np.stack(maps)


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) == MAP_AXES and shape[1] * shape[2] > 1
