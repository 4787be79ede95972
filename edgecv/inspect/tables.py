"""Tables of what `inspect` found, for a terminal of 80 columns or more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgecv_converters.inspection import ArtifactInspection, PortRow
from edgecv_converters.measured import LayerError
from edgecv_runtime.heads.kinds import heads_of, kind_words
from edgecv_runtime.schema import Artifact, Comparison, HeadSpec, Manifest, Parity, TensorSpec
from edgecv_runtime.text import percent
from rich.table import Table

from edgecv.inspect.layers import operation_words
from edgecv.inspect.records import (
    BundleInspection,
    Inspection,
    LayersInspection,
    ModelInspection,
)
from edgecv.terminal.words import (
    DASH,
    TIMES,
    byte_size,
    decibels,
    number,
    quant_words,
    quantity,
    shape_words,
    span_words,
)


def tables(found: Inspection) -> list[Table]:
    """The tables to print, in order."""
    if isinstance(found, ModelInspection):
        return _model(found)
    if isinstance(found, ArtifactInspection):
        return _artifact(found)
    return _layers(found) if isinstance(found, LayersInspection) else _bundle(found)


def _facts(file: str, rows: Iterable[tuple[str, str]]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in [("file", file), *rows]:
        made.add_row(name, value)
    return made


def _grid(title: str, names: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, name in enumerate(names):
        made.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def _count(value: int | None) -> str:
    return DASH if value is None else quantity(value)


def _model(found: ModelInspection) -> list[Table]:
    info = found.info
    facts = [
        ("format", f"{info.format}, loaded by {info.loader}"),
        *_kinds(found.heads),
        ("parameters", quantity(info.parameters)),
        ("multiply-adds", _count(info.multiply_adds)),
        ("size on disk", byte_size(found.bytes)),
        ("preprocessing", "inside the model (it takes raw pixels)" if found.scales_its_input else "none inside"),
        ("sha256", info.sha256),
        *(("note", note) for note in found.notes),
    ]
    rows = [
        (
            layer.name,
            layer.type,
            DASH if layer.output_shape is None else _open_shape(layer.output_shape),
            quantity(layer.parameters),
            _count(layer.multiply_adds),
        )
        for layer in found.layers
    ]
    layers = _grid("Layers", ("Name", "Type", "Output", "Parameters", "Multiply-adds"), rows, (3, 4))
    return [_facts(found.file, facts), _specs("Inputs", found.inputs), _specs("Outputs", found.outputs), layers]


def _open_shape(shape: Sequence[int | None]) -> str:
    return TIMES.join("?" if size is None or size < 0 else str(size) for size in shape) or "scalar"


def _specs(title: str, specs: Sequence[TensorSpec]) -> Table:
    return _grid(title, ("Name", "Shape", "Type"), [(spec.name, shape_words(spec.shape), spec.dtype) for spec in specs])


def _artifact(found: ArtifactInspection) -> list[Table]:
    facts = [
        ("format", found.format),
        ("size on disk", byte_size(found.bytes)),
        ("quantized ops", _share(found.quantized_ops)),
        ("quantized weights", _share(found.quantized_weights)),
    ]
    ops = sorted(found.ops.items(), key=lambda item: -item[1])
    weights = [
        (dtype, quantity(count), byte_size(found.weight_bytes.get(dtype, 0))) for dtype, count in found.tensors.items()
    ]
    return [
        _facts(found.file, facts),
        _ports("Inputs", found.inputs),
        _ports("Outputs", found.outputs),
        _grid("Operators", ("Operator", "Count"), [(name, quantity(count)) for name, count in ops], (1,)),
        _grid("Tensors", ("Type", "Count", "Constant bytes"), weights, (1, 2)),
    ]


def _share(value: float | None) -> str:
    return DASH if value is None else percent(value)


def _ports(title: str, rows: Sequence[PortRow]) -> Table:
    cells = [(row.name, _open_shape(row.shape), row.dtype, quant_words(row.quantization)) for row in rows]
    return _grid(title, ("Name", "Shape", "Type", "Quantization"), cells)


def _bundle(found: BundleInspection) -> list[Table]:
    manifest = found.manifest
    facts = [
        ("name", manifest.name),
        *_kinds(manifest.heads),
        ("size on disk", byte_size(found.bytes)),
        (
            "source",
            f"{manifest.provenance.source.format}, {quantity(manifest.provenance.source.parameters)} parameters",
        ),
        *((f"input {name}", line) for name, line in found.preprocessing.items()),
        *_heads(manifest),
        ("quantization", _quantization(manifest)),
        ("golden cases", quantity(manifest.golden.count)),
        ("made by", f"edgecv {manifest.provenance.edgecv}"),
        *(("left out", sentence) for sentence in found.left_out),
    ]
    parity = {item.artifact: item for item in manifest.parity}
    rows = [_artifact_row(item, parity.get(item.file)) for item in manifest.artifacts]
    names = ("Artifact", "Size", "Proof", "Same answer", "Signal/noise")
    return [
        _facts(found.file, facts),
        _specs("Inputs", manifest.inputs),
        _specs("Outputs", manifest.outputs),
        _grid("Artifacts", names, rows, (1, 3, 4)),
    ]


def _kinds(heads: Sequence[HeadSpec]) -> list[tuple[str, str]]:
    """The task of a model with one head; of one with several, each head's kind."""
    if len(heads) == 1:
        return [("task", kind_words(heads))]
    return [(f"head {head.name}", head.kind) for head in heads]


def _heads(manifest: Manifest) -> list[tuple[str, str]]:
    """Rows on each head: how its outputs become scores, and its labels."""
    rows = []
    for head in heads_of(manifest):
        of = "" if len(manifest.heads) == 1 else f" of {head.name}"
        rows += [(f"scores{of}", head.scoring()), (f"labels{of}", _labels(head.spec.labels))]
    return rows


def _labels(labels: Sequence[str] | None) -> str:
    if labels is None:
        return "none"
    more = ", …" if len(labels) > 8 else ""
    return f"{quantity(len(labels))}: {', '.join(labels[:8])}{more}"


def _quantization(manifest: Manifest) -> str:
    used = manifest.quantization
    if used is None:
        return "none"
    calibration = f", {used.calibration.count} calibration samples" if used.calibration else ""
    kept = f"; in float: {', '.join(used.float_layers)}" if used.float_layers else ""
    return f"{used.quantizer} (weights {used.weights}, activations {used.activations}){calibration}{kept}"


def _artifact_row(artifact: Artifact, parity: Parity | None) -> tuple[str, ...]:
    comparisons: list[Comparison] = list(parity.comparisons.values()) if parity else []
    widest = max(comparisons, key=lambda item: item.count, default=None)
    agreement = DASH if widest is None or widest.agreement is None else percent(widest.agreement, 2)
    return (artifact.file, byte_size(artifact.size), artifact.parity.replace("_", " "), agreement, _snr(widest))


def _snr(measured: Comparison | None) -> str:
    if measured is None:
        return DASH
    if measured.non_finite:
        return "not finite"
    return "equal" if measured.snr_db is None else f"{number(measured.snr_db)} dB"


def _layers(found: LayersInspection) -> list[Table]:
    facts = [("layers", f"int8 against float32, {found.samples} calibration samples, the farthest first")]
    if any(row.logits for row in found.layers):
        facts.append(("logits", "last: ranged for the answers made of them, classes that lost are clipped on purpose"))
    names = ("Layer", "Operation", "SNR", "Cosine", "Float values", "int8 grid", "Clipped", "Weights")
    return [_facts(found.file, facts), _grid("Layers", names, map(_layer, found.layers), (2, 3, 6, 7))]


def _layer(row: LayerError) -> tuple[str, ...]:
    return (
        row.layer,
        operation_words(row),
        decibels(row.snr_db),
        f"{row.cosine:.5f}",
        span_words(row.float_range),
        "float" if row.grid_range is None else span_words(row.grid_range),
        percent(row.clipped, 2),
        DASH if row.weight_snr_db is None else decibels(row.weight_snr_db),
    )
