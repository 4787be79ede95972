"""The facts of a bundle that an artifact's own metadata repeat: a file without its bundle still says what it is.

Keys that begin with `edgecv.` are edgecv's own, in ONNX and Core ML alike. The others are those that Ultralytics'
readers look for: `names`, `imgsz`, `stride`, `task`, each written as a Python literal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from edgecv_runtime.decoders import BoxDecoder
from edgecv_runtime.heads.kinds import KINDS, first_labels, kind_words
from edgecv_runtime.schema import HeadSpec, Preprocess, SourceInfo

from edgecv_converters.authorship import Authorship

PREPROCESS, HEADS = "edgecv.preprocess", "edgecv.heads"
SOURCE, BUNDLE = "edgecv.source_sha256", "edgecv.bundle"
DETECT, CLASSIFY = "detect", "classify"  # Ultralytics' words for what a model is for


NO_ONE: Final = Authorship()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """The facts of a bundle that an artifact's own metadata repeat.

    Attributes:
        name: The bundle's.
        source: The trained model.
        preprocess: Of each input, by the source's names.
        heads: What the outputs mean, and what is still to be applied to them.
        identity: The bundle's (`edgecv_runtime.identity`).
        authorship: What a person said of the model.
    """

    name: str
    source: SourceInfo
    preprocess: Mapping[str, Preprocess]
    heads: tuple[HeadSpec, ...]
    identity: str
    authorship: Authorship = NO_ONE

    def summary(self) -> str:
        """Return one sentence for people, such as "digits: classification, 10 labels. From a keras model by edgecv"."""
        labels = first_labels(self.heads)
        count = "" if labels is None else f", {len(labels)} labels"
        return f"{self.name}: {kind_words(self.heads)}{count}. From a {self.source.format} model by edgecv"

    def properties(self) -> dict[str, str]:
        """Return the properties of a format that has a map from text to text, by key."""
        return {
            PREPROCESS: _canonical(self.preprocess),
            HEADS: _canonical(self.heads),
            SOURCE: self.source.sha256,
            BUNDLE: self.identity,
            **self._for_ultralytics(),
        }

    def _for_ultralytics(self) -> dict[str, str]:
        head = self.heads[0] if self.heads else None
        if head is None or head.labels is None:
            return {}
        found: dict[str, Any] = {"names": dict(enumerate(head.labels))}
        sizes = [spec.size for spec in self.preprocess.values() if spec.kind == "image" and spec.size is not None]
        if len(sizes) == 1:
            found["imgsz"] = list(sizes[0])
        levels = getattr(head.decode, "levels", ())
        if levels:
            found["stride"] = int(max(max(level.stride) for level in levels))
        if isinstance(head.decode, BoxDecoder):
            found["task"] = DETECT
        elif KINDS[head.kind].exclusive:
            found["task"] = CLASSIFY
        return {key: str(value) for key, value in found.items()}


def _canonical(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
