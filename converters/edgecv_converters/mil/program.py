"""Reads a saved .mlpackage as a device does: manifest, protobuf, weight file. No converter is involved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB, read_regular

from edgecv_converters.mil.features import read_classifier, read_features, read_metadata
from edgecv_converters.mil.proto import model_message
from edgecv_converters.mil.records import Argument, Operation, Program, Variable
from edgecv_converters.mil.values import ConstantReader, tensor_type

MOST_MANIFEST: Final = MIB  # bytes of Manifest.json
MOST_MODEL: Final = 2048 * MIB  # bytes of the protobuf, which can have no more
DAMAGED: Final = (  # what reading a stranger's message raises
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError),
)


def load_program(package: Path) -> Program:
    """Read an .mlpackage folder that holds an ML program.

    Raises:
        BundleError: It is missing, damaged, or holds a model of another kind.
    """
    model, folder = read_model(package)
    try:
        return _program(model, folder, package)
    except DAMAGED as error:
        raise BundleError(f"{package.name} is damaged: {error}", "Convert the model again") from error


def read_model(path: Path) -> tuple[Any, Path]:
    """The protobuf message of an .mlpackage folder or an .mlmodel file, and the folder that its weight files lie in.

    Raises:
        BundleError: It is missing or damaged, or holds no model.
    """
    file = _model_file(path) if path.is_dir() else path
    model = _message(file)
    if model.WhichOneof("Type") is None:
        raise BundleError(f"{file.name} holds no model", "Convert the model again")
    return model, file.parent


def _program(model: Any, folder: Path, package: Path) -> Program:
    kind = model.WhichOneof("Type")
    if kind != "mlProgram":
        raise BundleError(f"{package.name} holds a Core ML model of the kind {kind}, not an ML program")
    function = _main(model, package)
    block = function.block_specializations[function.opset]
    values = ConstantReader(folder)
    operations = tuple(_operation(operation, values) for operation in block.operations)
    classifier = read_classifier(model.description, operations)
    return Program(
        inputs=read_features(model.description.input, {item.name: tensor_type(item.type) for item in function.inputs}),
        outputs=read_features(model.description.output, _made(operations), classifier),
        operations=operations,
        results=tuple(block.outputs),
        classifier=classifier,
        specification=model.specificationVersion,
        opset=function.opset,
        metadata=read_metadata(model.description.metadata),
    )


def _model_file(package: Path) -> Path:
    data = package / "Data"
    try:
        content = json.loads(read_regular(package / "Manifest.json", MOST_MANIFEST).decode())
        relative = content["itemInfoEntries"][content["rootModelIdentifier"]]["path"]
        file: Path = (data / relative).resolve()
        if not file.is_relative_to(data.resolve()):
            raise BundleError(f"the manifest of {package.name} points outside of the package: {relative}")
    except OSError as error:
        raise BundleError(f"{package.name} has no readable Manifest.json: {error.strerror}") from error
    except (*DAMAGED, RuntimeError) as error:  # a RuntimeError is a link to itself
        raise BundleError(f"the manifest of {package.name} is damaged: it names no model ({error})") from error
    return file


def _message(file: Path) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return model_message().FromString(read_regular(file, MOST_MODEL))
    except OSError as error:
        raise BundleError(f"the model file {file.name} cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise BundleError(f"the model file {file.name} is damaged: {error}") from error


def _main(model: Any, package: Path) -> Any:
    name = model.description.defaultFunctionName or "main"
    if name not in model.mlProgram.functions:
        raise BundleError(f"the program of {package.name} has no function {name!r}")
    function = model.mlProgram.functions[name]
    if function.opset not in function.block_specializations:
        raise BundleError(f"the function {name!r} of {package.name} has no block for its opset {function.opset!r}")
    return function


def _operation(message: Any, values: ConstantReader) -> Operation:
    outputs = tuple(_variable(output) for output in message.outputs)
    given = {key: values.read(value) for key, value in message.attributes.items()}
    name = str(given.pop("name", outputs[0].name if outputs else message.type))
    inputs: dict[str, tuple[Argument, ...]] = {key: (value,) for key, value in given.items()}
    for key, argument in message.inputs.items():
        inputs[key] = tuple(_argument(binding, values) for binding in argument.arguments)
    return Operation(type=message.type, name=name, inputs=inputs, outputs=outputs, nested=bool(message.blocks))


def _argument(binding: Any, values: ConstantReader) -> Argument:
    return str(binding.name) if binding.WhichOneof("binding") == "name" else values.read(binding.value)


def _variable(message: Any) -> Variable:
    dtype, shape = tensor_type(message.type)
    return Variable(message.name, dtype, shape)


def _made(operations: tuple[Operation, ...]) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    return {output.name: (output.dtype, output.shape) for operation in operations for output in operation.outputs}
