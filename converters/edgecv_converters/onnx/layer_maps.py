"""The maps that a layer of an ONNX file gives, by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.ort import onnxruntime, session_options

from edgecv_converters.graph.layers import layer_of_fused, layer_without_map
from edgecv_converters.onnx.edit import DEQUANTIZE, INSIDE, Index

Array = npt.NDArray[Any]
MAP_AXES: Final = 4
FIRST, LAST = "channels first", "channels last"
PLANES: Final = frozenset(
    {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization"}
)
TURNED: Final = {(0, 2, 3, 1): LAST, (0, 3, 1, 2): FIRST}  # what a Transpose with these axes gives
REAL, UNROUNDED = "/real", "_prequant"  # of an int8 file's values: as a float again, and before it is rounded
SHOWN: Final = "/shown"
_BESIDE: Final = "session.model_external_initializers_file_folder_path"  # where the second file of a model lies
FLOATS: Final = frozenset({"float32", "float16"})
INTEGERS: Final = frozenset({"int8", "uint8"})


def layer_maps(file: Path, layer: str, samples: Array) -> Array:
    """Return the last map that the operations of a layer give.

    Args:
        file: The file, which has one input.
        layer: The source model's layer.
        samples: Raw tensors of that input, (n, ...).

    Returns:
        (n, height, width, channels) float32.

    Raises:
        UsageError: The file has no such layer with a map of several places.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(str(file), load_external_data=False))
    found = _maps(model)
    if layer not in found:
        raise layer_without_map(layer, found)
    name, order = found[layer]
    shown = _shown(model, name)
    options = session_options()
    options.add_session_config_entry(_BESIDE, str(file.parent))
    session = onnxruntime().InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    taken, batch = model.graph.input[0].name, model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    made = [session.run([shown], {taken: sample[None].repeat(batch, axis=0)})[0][0] for sample in samples]
    maps = np.asarray(made, np.float32)
    return maps if order == LAST else maps.transpose(0, 2, 3, 1)


def _shown(model: Any, name: str) -> str:
    """Make a value an output of a model, in real numbers; returns the output's name."""
    from onnx import TensorProto, helper

    quantize = Index.of(model.graph).quantize_behind(name)
    if quantize is not None:
        real = helper.make_node(DEQUANTIZE, [name, *quantize.input[1:]], [name + SHOWN])
        model.graph.node.append(real)
        name += SHOWN
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    else:
        model.graph.output.append(next(value for value in model.graph.value_info if value.name == name))
    return name


def _maps(model: Any) -> dict[str, tuple[str, str]]:
    """The last map of each layer, and where its channels are, by the layer's name."""
    described = {value.name: value for value in model.graph.value_info}
    index = Index.of(model.graph)
    orders, found = _orders(model), {}
    for node in model.graph.node:
        for name in node.output:
            source = name.removesuffix(REAL).partition(":")[0]
            ours = "/" not in source or source.endswith((UNROUNDED, INSIDE))  # that no layer of the source has
            kinds = FLOATS if index.quantize_behind(name) is None else INTEGERS
            if not ours and name in described and name in orders and _is_map(described[name], orders[name], kinds):
                found[layer_of_fused(source)] = (name, orders[name])
    return found


def _orders(model: Any) -> Mapping[str, str]:
    """Tell where the channels of each value are: operations on planes have them first, others leave them."""
    from onnx import helper

    orders = dict.fromkeys((value.name for value in model.graph.input), LAST)
    for node in model.graph.node:
        order = next((orders[name] for name in node.input if name in orders), None)
        if node.op_type in PLANES:
            order = FIRST
        elif node.op_type == "Transpose":
            axes = next(tuple(helper.get_attribute_value(one)) for one in node.attribute if one.name == "perm")
            order = TURNED.get(axes)
        elif node.op_type in {"Reshape", "Flatten", "Squeeze", "Unsqueeze"}:
            order = None
        if order is not None:
            orders |= dict.fromkeys(node.output, order)
    return orders


def _is_map(value: Any, order: str, kinds: Collection[str]) -> bool:
    from onnx import helper

    kind = value.type.tensor_type
    shape = [size.dim_value for size in kind.shape.dim]
    if len(shape) != MAP_AXES or str(helper.tensor_dtype_to_np_dtype(kind.elem_type)) not in kinds:
        return False
    height, width = shape[2:] if order == FIRST else shape[1:3]
    return bool(height * width > 1)
