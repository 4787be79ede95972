"""The description of the API in OpenAPI 3.1, whose schemas are those of the records that are sent."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Final

import msgspec

from edgecv.serve.intake import PictureAddress
from edgecv.serve.options import NAME
from edgecv.serve.tensors import InferenceRequest

PICTURE: Final = {"type": "string", "contentMediaType": "image/*", "format": "binary"}
_JSON: Final = "application/json"
_REFERENCE: Final = "#/components/schemas/{name}"


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why there is no answer, and what to do about it where that is known."""

    error: str
    hint: str | None = None


class AnswerOfHead(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one head; besides these fields it has those of its kind, as `edgecv run --json` prints them."""

    head: str
    kind: str


class PictureResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one picture: what answered, how long each stage took, and the answer of every head."""

    model: str
    version: str
    identity: str
    artifact: str
    runtime: str
    queue_ms: float
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float
    answers: tuple[AnswerOfHead, ...]


class PicturesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to several pictures in their order; one that cannot be read has an `error` in its place."""

    model: str
    version: str
    identity: str
    artifact: str
    runtime: str
    predictions: tuple[dict[str, Any], ...]


class TensorDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of a model; -1 stands for the number of samples."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A model's tensors."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorDescription, ...]
    outputs: tuple[TensorDescription, ...]


class OutputTensor(msgspec.Struct, frozen=True, kw_only=True):
    """One output: its numbers, or so many bytes that follow the JSON."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: tuple[Any, ...] = ()
    parameters: dict[str, Any] = {}


class InferenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The outputs of a model."""

    model_name: str
    model_version: str
    id: str = ""
    outputs: tuple[OutputTensor, ...]


_RECORDS: Final = (
    *(
        ErrorAnswer,
        PictureResponse,
        PicturesResponse,
        ModelDescription,
        InferenceAnswer,
        InferenceRequest,
        PictureAddress,
    ),
)
_ERRORS: Final = {
    "400": "The request is wrong",
    "401": "A key is needed",
    "403": "This is not allowed here",
    "404": "There is no such model",
    "405": "There is no such method",
    "408": "The body did not come in time",
    "413": "The request is over a limit",
    "429": "Too many requests wait",
    "500": "The model failed",
    "502": "The picture's host gave none",
    "503": "The model is not ready",
    "504": "The deadline passed",
}


def description(version: str) -> bytes:
    """Return the description as JSON."""
    _, schemas = msgspec.json.schema_components(_RECORDS, ref_template=_REFERENCE)
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    document = {
        "openapi": "3.1.0",
        "info": {"title": "edgecv serve", "version": version, "description": "Bundles that answer over HTTP."},
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"key": []}],
    }
    return msgspec.json.encode(document)


def _paths() -> dict[str, Any]:
    words = {"text/plain": {"schema": {"type": "string"}}}
    paths = {
        "/livez": _get("Whether the process runs"),
        "/readyz": _get("Whether every model has given its golden answers on this machine", errors=("503",)),
        "/metrics": _get("Metrics for Prometheus", content=words, errors=("401",)),
        "/v2": _get("The server and its extensions", errors=("401",)),
        "/v2/health/live": _get("Whether the process runs"),
        "/v2/health/ready": _get("Whether every model is ready", errors=("503",)),
        "/v2/models": _get("The models", errors=("401",)),
        "/v2/models/stats": _get("The counts of all models", errors=("401",)),
    }
    for version in ("", "/versions/{version}"):
        model = f"/v2/models/{{name}}{version}"
        parameters = [_in_path("name", NAME.pattern)] + ([_in_path("version", "[0-9]+")] if version else [])
        paths[model] = _get("A model's tensors", "ModelDescription", parameters)
        paths[f"{model}/ready"] = _get("Whether a model is ready", None, parameters)
        paths[f"{model}/stats"] = _get("The counts of a model", None, parameters)
        page = {"text/html": {"schema": {"type": "string"}}}
        paths[f"{model}/report"] = _get("The report of a model's bundle", None, parameters, content=page)
        paths[f"{model}/predict"] = {"post": _predict(parameters)}
        paths[f"{model}/infer"] = {"post": _infer(parameters)}
    return paths


def _predict(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    form = {"type": "object", "properties": {"picture": PICTURE}, "required": ["picture"]}
    query = [
        _in_query("top", {"type": "integer", "minimum": 1, "maximum": 1000}, "How many of the best classes to name"),
        _in_query("drawing", {"type": "boolean"}, "Whether to say what is drawn on the picture"),
    ]
    answer = {"anyOf": [_reference("PictureResponse"), _reference("PicturesResponse")]}
    content = {
        "image/*": {"schema": PICTURE},
        "multipart/form-data": {"schema": form},
        _JSON: {"schema": _reference("PictureAddress")},
    }
    return {
        "summary": "Answer a picture, or several of a form",
        "parameters": [*parameters, *query, _deadline()],
        "requestBody": {"required": True, "content": content},
        "responses": _responses({_JSON: {"schema": answer}}, tuple(_ERRORS)),
    }


def _infer(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    request = {_JSON: {"schema": _reference("InferenceRequest")}}
    answer = {_JSON: {"schema": _reference("InferenceAnswer")}, "application/octet-stream": {"schema": {}}}
    return {
        "summary": "Answer tensors",
        "parameters": [*parameters, _deadline()],
        "requestBody": {"required": True, "content": request},
        "responses": _responses(answer, tuple(_ERRORS)),
    }


def _get(
    summary: str,
    record: str | None = None,
    parameters: list[dict[str, Any]] | None = None,
    *,
    content: dict[str, Any] | None = None,
    errors: tuple[str, ...] = ("401", "404", "503"),
) -> dict[str, Any]:
    shown = content or {_JSON: {"schema": _reference(record) if record else {"type": "object"}}}
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": _responses(shown, errors)}}


def _responses(content: dict[str, Any], errors: tuple[str, ...]) -> dict[str, Any]:
    error = {_JSON: {"schema": {"type": "object"}}}
    refused = {status: {"description": _ERRORS[status], "content": error} for status in errors}
    return {"200": {"description": "The answer", "content": content}, **refused}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=name)}


def _in_path(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}


def _in_query(name: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": words}


def _deadline() -> dict[str, Any]:
    schema = {"type": "number", "minimum": 0}
    words = "Milliseconds after which there is no use for an answer"
    return {"name": "X-Deadline-Ms", "in": "header", "required": False, "schema": schema, "description": words}
