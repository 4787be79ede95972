"""The records of `report.json`: everything that was measured while a bundle was made."""

from __future__ import annotations

from typing import Any

import msgspec
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.records import Record
from edgecv_runtime.schema import (
    Artifact,
    Parity,
    Precision,
    Preprocess,
    Quantization,
    SourceInfo,
    Target,
)


class Failure(Record, frozen=True, kw_only=True):
    """An artifact that was not made: one sentence, a hint, and the end of the converter's own log.

    `refused` says that the converter does not take the model; else its process crashed or was stopped.
    """

    target: Target
    precision: Precision
    message: str
    hint: str | None
    log_tail: str
    refused: bool = False


class ClassRow(Record, frozen=True, kw_only=True):
    """One class of the evaluation set: how many samples, and how many each model got right, by artifact file."""

    label: str
    count: int
    reference_correct: int
    correct: dict[str, int]


class HeadRow(Record, frozen=True, kw_only=True):
    """The measures of one head of one artifact on labelled data, and of the source's on the same samples.

    `metrics` and `reference_metrics` are the fields of the head's metrics, `words` and `reference_words` the most
    important one in words; `tables` are the artifact's. Heads whose answer is one class are in `Parity.accuracy` and
    `ClassRow`.
    """

    artifact: str
    head: str
    kind: str
    metrics: dict[str, Any]
    words: str
    reference_metrics: dict[str, Any]
    reference_words: str
    tables: tuple[TextTable, ...] = ()


class WorstPicture(Record, frozen=True, kw_only=True):
    """A sample on which an artifact is far from the source: `share` (0..1) of its answers is the same.

    `source` and `answer` are small JPEGs in base64 of the picture with the source's and the artifact's answer drawn.
    """

    artifact: str
    head: str
    sample: str
    share: float
    source: str
    answer: str


class Histogram(Record, frozen=True, kw_only=True):
    """The distribution of absolute output errors of one artifact: counts between log10-spaced edges."""

    artifact: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class LayerError(Record, frozen=True, kw_only=True):
    """One result inside the int8 TFLite file against the same one inside the float32 file, on `count` samples.

    Both files get the samples; so the error is that of the operation and of all before it. `layer` is the source
    model's, `op` the operation in TFLite. `snr_db` and `cosine` are as in `Comparison`. `float_range` is the smallest
    and largest value in float, `grid_range` the ends of the int8 grid (None where the operation is computed in float),
    `clipped` the share (0..1) of float values that lie more than half a step outside of it. `weight_snr_db` is the
    signal-to-noise ratio of the operation's weights (None without int8 weights, or without error). `logits` says that
    nothing but the model's last softmax or sigmoid reads the result: its grid is chosen for the answers, classes that
    have lost are clipped on purpose, and what that costs is the error of the softmax or sigmoid.
    """

    layer: str
    op: str
    count: int
    snr_db: float | None
    cosine: float
    float_range: tuple[float, float]
    grid_range: tuple[float, float] | None
    clipped: float
    weight_snr_db: float | None = None
    logits: bool = False


class LayerSensitivity(Record, frozen=True, kw_only=True):
    """The sensitivity of one layer: what it costs to quantize it, and what it costs not to.

    `distance` is how far the answers to the calibration samples are from the float file's where this layer alone is
    int8 (mean Kullback-Leibler divergence of a softmax, else squared error over variance; None where time was up before
    it was measured), and `snr_db` their signal-to-noise ratio (None where they are equal, too). `extra_bytes` is what
    the weights weigh more in float32, `work` its share (0..1) of the multiply-adds. `ops` are its operations in TFLite.
    """

    layer: str
    ops: tuple[str, ...]
    distance: float | None
    snr_db: float | None
    extra_bytes: int
    work: float
    kept: bool


class BudgetTrial(Record, frozen=True, kw_only=True):
    """One trial of an accuracy budget: with so many of the costliest layers in float it loses `drop` points."""

    float_layers: int
    drop: float


class Mixed(Record, frozen=True, kw_only=True):
    """The layers that stay float so that accuracy falls by `budget` points at most, on `count` validation samples.

    `on` says which samples those are, `source_accuracy` (0..1) is the source model's there. `drop` is what was reached,
    below or over the budget; `reason` says why it could not be met. `layers` are ranked, the costliest first; `trials`
    are in order. Nothing here was measured on the evaluation samples.
    """

    budget: float
    drop: float
    on: str
    count: int
    source_accuracy: float
    layers: tuple[LayerSensitivity, ...]
    trials: tuple[BudgetTrial, ...]
    seconds: float
    reason: str | None = None


class MapPair(Record, frozen=True, kw_only=True):
    """The maps of one sample by the source and by an artifact: the ranks' correlation, and the top fifths' overlap.

    `explained` is the answer whose score both maps explain.
    """

    sample: str
    explained: str
    rank_correlation: float
    top_overlap: float


class ArtifactMaps(Record, frozen=True, kw_only=True):
    """The likeness of an artifact's maps of importance to the source's, on samples of the set `on`.

    `rank_correlation` and `top_overlap` are means, `moved` the share of samples whose top regions overlap by less than
    a half.
    """

    artifact: str
    method: str
    on: str
    rank_correlation: float
    top_overlap: float
    moved: float
    pairs: tuple[MapPair, ...]


class Report(Record, frozen=True, kw_only=True):
    """The report of a conversion: all of `report.json`. Unlike the manifest it may hold times and logs.

    `task` are the kinds of the heads, in their order with commas; `layers` are in the order of computation. `maps`
    say whether artifacts look where the source does, where that was asked for.
    """

    name: str
    task: str
    created: str
    machine: str
    versions: dict[str, str]
    seconds: dict[str, float]
    source: SourceInfo
    reference: str
    artifacts: tuple[Artifact, ...]
    parity: tuple[Parity, ...]
    failures: tuple[Failure, ...]
    classes: tuple[ClassRow, ...]
    histograms: tuple[Histogram, ...]
    notes: tuple[str, ...]
    preprocess: dict[str, Preprocess] = msgspec.field(default_factory=dict)
    quantization: Quantization | None = None
    layers: tuple[LayerError, ...] = ()
    mixed: Mixed | None = None
    heads: tuple[HeadRow, ...] = ()
    pictures: tuple[WorstPicture, ...] = ()
    maps: tuple[ArtifactMaps, ...] = ()
