"""The records of `bundle.json`: what a bundle says of itself, in every language that reads one.

Unknown keys are errors. Field order is the order in the file. Floats that are float32 numbers (scales, offsets) are
written as the shortest decimal that gives back the same float32.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from edgecv_runtime.clip_sound_schema import Clip, Sound
from edgecv_runtime.decoders import Decoder
from edgecv_runtime.records import Record

SCHEMA_VERSION = 2
DATA_SUFFIX: Final = ".data"  # of an artifact's second file, after the name of its first

# The name of a format (formats.KNOWN), or of one that this edgecv does not know yet.
Target = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]*$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]  # every language has these numbers
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
# One of the names in precisions.py: "float16", "int8", "mixed", or a way to store weights, such as "palette4-group8".
Precision = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]*$")]
# The name of a kind of answers (heads.kinds.KINDS), or of one that this edgecv does not know yet.
HeadKind = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z_]*$")]
Layout = Literal["NHWC", "NCHW", "none"]
Status = Literal["passed", "weak", "failed", "not_run"]
Activation = Literal["none", "softmax", "sigmoid"]
Depth = Literal["shift", "clip"]
Kernel = Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]


class Fit(Record, frozen=True, kw_only=True):
    """The way in which an image of any shape is brought to the input's aspect ratio.

    `fraction` (0, 1] belongs to `crop`; `shorter` (pixels) to `resize_crop`; `pad` (0..255, one value or one a channel,
    in the order of `color`) to `letterbox`.
    """

    mode: Literal["stretch", "crop", "resize_crop", "letterbox"] = "stretch"
    fraction: float | None = None
    shorter: int | None = None
    pad: tuple[int, ...] | None = None


class Resize(Record, frozen=True, kw_only=True):
    """The resampling kernel, and whose exact arithmetic it follows."""

    kernel: Kernel = "bilinear"
    semantics: Literal["pillow", "tf"] = "pillow"


class Normalize(Record, frozen=True, kw_only=True):
    """y = x * scale[c] + offset[c], two float32 operations; one value, or one a channel in the order of `color`."""

    preset: str | None = None
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)


class Preprocess(Record, frozen=True, kw_only=True):
    """From a picture (or a clip of them, a sound, or a raw tensor) to one input of the model.

    `kind` "tensor" means that the input is no image: only `normalize` applies, and `size` is None. For images `size` is
    (height, width) in pixels. `depth` is what becomes of 16-bit gray: "shift" takes the high byte, "clip" makes what is
    over 255 white, as Keras's `load_img` does. A "clip" prepares every frame as an image; `clip` says which frames. Of
    a "sound" `sound` says all but the `normalize` at its end, one value or one a frequency. Neither key is in the file
    of other kinds.
    """

    kind: Literal["image", "tensor", "clip", "sound"] = "image"
    size: tuple[int, int] | None = None
    orientation: Literal["exif", "ignore"] = "exif"
    depth: Depth = "shift"
    color: Literal["rgb", "bgr", "gray"] = "rgb"
    fit: Fit = Fit()
    resize: Resize = Resize()
    normalize: Normalize = Normalize()
    clip: Clip | msgspec.UnsetType = msgspec.UNSET
    sound: Sound | msgspec.UnsetType = msgspec.UNSET


class HeadSpec(Record, frozen=True, kw_only=True):
    """One head: what some of the model's outputs mean, and what is left to do for an answer (docs/bundle.md).

    `name` is that of its output, or the outputs' joined by "+"; `outputs` are outputs of the model, each of which
    belongs to one head. `activation` is what the device still has to apply (the model ends with logits), over the last
    axis. `thresholds` are of kinds that decide by them: from which score on a label holds, one for all labels or one a
    label. `decode` is how the outputs become boxes, masks, points or a picture, for the kinds that answer with such.
    `title` and `unit` are for people.
    """

    name: str
    kind: HeadKind
    outputs: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    activation: Activation = "none"
    thresholds: tuple[float, ...] = ()
    decode: Decoder | None = None
    title: str | None = None
    unit: str | None = None


class TensorSpec(Record, frozen=True, kw_only=True):
    """One input or output of the source model. `shape` includes the batch dimension, which is static."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class QuantParams(Record, frozen=True, kw_only=True):
    """real = scale * (q - zero_point), per tensor."""

    scale: float
    zero_point: int


class TensorIO(Record, frozen=True, kw_only=True):
    """One input or output of an artifact: the source's `name`, and the `tensor` name inside the artifact's file.

    `normalize` is on an input whose artifact normalizes by itself: its raw input are the pixels' bytes, in the order of
    the preprocess block's `color`. `by_label` is on an output that is a dictionary from label to number: `shape` and
    values are in the order of the labels of the output's head. `activation` is what the artifact itself applies of that
    head's `activation`; nobody applies it again.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    dtype: str
    layout: Layout = "none"
    quantization: QuantParams | None = None
    normalize: Normalize | None = None
    by_label: bool = False
    activation: Activation = "none"


class DataFile(Record, frozen=True, kw_only=True):
    """The second file of an artifact that is larger than a file of its format can be; only ONNX has one.

    `file` is the artifact's with ".data" after it, and lies beside it. It holds numbers alone, which the artifact's
    file names by their places.
    """

    file: str
    sha256: Digest
    bytes: Count


class Artifact(Record, frozen=True, kw_only=True):
    """One converted model. `sha256` of a folder (.mlpackage) is the digest of its sorted `sha256  path` lines.

    `data` is its second file; the key is there where the artifact has one.
    """

    target: Target
    precision: Precision
    file: str
    sha256: Digest
    bytes: Count
    data: DataFile | msgspec.UnsetType = msgspec.UNSET
    inputs: tuple[TensorIO, ...]
    outputs: tuple[TensorIO, ...]
    ops: dict[str, Count]
    requires: dict[str, str]
    parity: Status = "not_run"

    @property
    def batch(self) -> int:
        """The number of samples that one call takes."""
        return self.inputs[0].shape[0] if self.inputs and self.inputs[0].shape else 1

    @property
    def parts(self) -> tuple[Artifact | DataFile, ...]:
        """The artifact's file or folder, and its second file where it has one: each has a digest of its own."""
        return (self,) if self.data is msgspec.UNSET else (self, self.data)

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(part.bytes for part in self.parts)


class HeadComparison(Record, frozen=True, kw_only=True):
    """The answers of one head against the source's.

    `agreement` is the share of equal answers (0..1): of samples, of boxes that are matched, of pixels, of points, or of
    values, where the source's change (docs/heads.md); `never` are the answers that the source gives and the artifact
    does not give once. `measured` has what else the kind measures, such as "mean_iou".
    """

    head: str
    agreement: float
    never: tuple[str, ...] = ()
    measured: dict[str, float] = msgspec.field(default_factory=dict)


class PartComparison(Record, frozen=True, kw_only=True):
    """The values of one output, or of its columns of one scale, against the source's.

    `part` is the output's name, with the columns where there are several groups of them: "pred[0:4]". `snr_db` is 10
    log10(sum ref^2 / sum err^2), None where they are equal; `constant` are the columns that vary in the source and are
    constant in the artifact, `lost` those that follow the source no better than a constant does, or by another factor.
    """

    part: str
    snr_db: float | None
    constant: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Comparison(Record, frozen=True, kw_only=True):
    """An artifact's outputs against the source's on `count` samples of one data set.

    Errors are in the output's own unit, over all elements of all outputs; `snr_db` is 10 log10(sum ref^2 / sum err^2)
    (None where the outputs are equal); `agreement` is the share of samples with the same answer, or the least one of a
    head of whole numbers (0..1, None where no head decides anything or is whole); `flips` are the ids of the first
    samples that differ. `non_finite` counts the samples with a NaN or an infinity: then the errors are the largest
    float64 and `snr_db` its negative, because JSON has no infinity. `heads` are those that decide something or are
    whole, `parts` the outputs and their groups of columns; the proof is read on each.
    """

    count: Count
    max_abs_error: float
    mean_abs_error: float
    cosine: float
    snr_db: float | None
    agreement: float | None
    flips: tuple[str, ...] = ()
    non_finite: Count = 0
    heads: tuple[HeadComparison, ...] = ()
    parts: tuple[PartComparison, ...] = ()


class Accuracy(Record, frozen=True, kw_only=True):
    """Top-1 accuracy (0..1) on labelled samples, with the source's on the same ones.

    `interval` is the 95 % Wilson score interval. `lost` were right in the source only, `gained` in the artifact only;
    `mcnemar_p` is the two-sided exact binomial p-value of those two counts.
    """

    count: Count
    accuracy: float
    interval: tuple[float, float]
    reference_accuracy: float
    lost: Count
    gained: Count
    mcnemar_p: float


class Gate(Record, frozen=True, kw_only=True):
    """One bar of the parity report: `value` must be at least (or at most) `limit` on the data set `on`.

    `subject` is the head or the part of an output that it is read on, where there are several.
    """

    name: str
    on: str
    limit: float
    value: float | None
    passed: bool
    subject: str | None = None


class Twin(Record, frozen=True, kw_only=True):
    """An artifact against `other`, which carries the same quantization, on a data set.

    `equal` counts the equal answers, of `count`; `agreement` is their share (0..1).
    """

    other: str
    on: str
    count: Count
    equal: Count
    agreement: float


class Parity(Record, frozen=True, kw_only=True):
    """The proof of one artifact, and how it was run. `reason` says why the status is not "passed".

    "weak" is what holds every bar on samples that cannot prove much: all equal, too few, of another range.
    """

    artifact: str
    status: Status
    how: str
    reason: str | None = None
    comparisons: dict[str, Comparison] = msgspec.field(default_factory=dict)
    accuracy: Accuracy | None = None
    twin: Twin | None = None
    gates: tuple[Gate, ...] = ()


class CalibrationSet(Record, frozen=True, kw_only=True):
    """The samples that set the quantization ranges: `sha256` over the sorted digests of the chosen files."""

    kind: Literal["images", "videos", "sounds", "npz"]
    count: Count
    skipped: Count
    seed: int
    sha256: Digest


class Quantization(Record, frozen=True, kw_only=True):
    """The one quantization that all int8 artifacts of the bundle carry.

    `float_layers` are the source model's layers that stay float in it: for an accuracy budget (then the artifacts'
    precision is "mixed"), or because they have no right int8 form.
    """

    quantizer: str
    weights: str
    activations: str
    io: Literal["float32", "int8", "uint8"]
    calibration: CalibrationSet | None
    float_layers: tuple[str, ...] = ()


class SourceInfo(Record, frozen=True, kw_only=True):
    """The trained model: its file format, the digest of its file(s), and how it was loaded."""

    format: str
    loader: str
    sha256: Digest
    parameters: Count
    multiply_adds: Count | None = None


class Cpu(Record, frozen=True, kw_only=True):
    """The processor as far as it changes int8 results: its architecture and its flags of dot-product instructions."""

    architecture: str
    flags: tuple[str, ...]


class Provenance(Record, frozen=True, kw_only=True):
    """The origin of the bundle. It holds no path, no user name and no time."""

    edgecv: str
    source: SourceInfo
    recipe: dict[str, Any]
    versions: dict[str, str]
    cpu: Cpu


class GoldenInfo(Record, frozen=True, kw_only=True):
    """The golden cases: `golden/golden.json`, its digest, and how many cases it lists."""

    file: str
    sha256: Digest
    count: Count


class Manifest(Record, frozen=True, kw_only=True):
    """The manifest of a bundle: all of `bundle.json`.

    Every output belongs to one of `heads`, whose order is that of their first outputs; `labels` are those of the first
    head that has some. `identity` tells what the bundle was made from and how (`edgecv_runtime.identity`); apps find it
    in a Core ML package's metadata as well.
    """

    schema_version: int
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocess: dict[str, Preprocess]
    heads: tuple[HeadSpec, ...]
    labels: tuple[str, ...] | None
    artifacts: tuple[Artifact, ...]
    quantization: Quantization | None
    parity: tuple[Parity, ...]
    identity: Digest
    provenance: Provenance
    golden: GoldenInfo
