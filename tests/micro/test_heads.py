"""The heads of the C library against Python's: scores but for their last bit, and the same decisions and order."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.backends import to_real
from edgecv_runtime.errors import SpecError
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.heads.arithmetic import top_k
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.preprocess.presets import float32s
from edgecv_runtime.schema import Artifact, QuantParams, TensorIO, TensorSpec

from edgecv.export.micro.heads import heads_source, micro_heads
from tests import heads
from tests.micro import compiler, vectors

ROWS = 300
PROGRAM = """#include "edgecv_heads.h"

#include <stdio.h>
#include <stdlib.h>

{heads}
/* For each row of each head's numbers: its scores, its decisions, and the order of its scores. */
int main(void)
{{
    FILE *file = fopen("{file}", "rb");
    size_t h, row;
    for (h = 0; h < {count}; h++)
        for (row = 0; row < {rows}; row++) {{
            const edgecv_head *head = &heads[h];
            uint16_t count = edgecv_score_count(head), decided, found;
            uint8_t *tensor = malloc(head->count);
            float *scores = malloc(count * sizeof *scores);
            uint16_t *whole = malloc(count * sizeof *whole);
            if (fread(tensor, 1, head->count, file) != head->count)
                return 1;
            edgecv_scores(head, tensor, scores);
            fwrite(scores, sizeof *scores, count, stdout);
            decided = edgecv_decide(head, tensor, scores, whole);
            fwrite(whole, sizeof *whole, decided, stdout);
            found = edgecv_top(scores, count, (uint16_t)(count < 3 ? count : 3), whole);
            fwrite(whole, sizeof *whole, found, stdout);
            free(tensor);
            free(scores);
            free(whole);
        }}
    fclose(file);
    return 0;
}}
"""
STEP = QuantParams(scale=float32s([0.093])[0], zero_point=-11)
SHARE = QuantParams(scale=1 / 256, zero_point=-128)
SHARES = QuantParams(scale=1 / 256, zero_point=0)
LABELS = ("cat", 'dog "quoted"', "Küche\\", "??/")
SPECS = (
    (heads.spec("classification", "a", labels=LABELS), 4, "int8", SHARE),
    (heads.spec("classification", "b", labels=LABELS, activation="softmax"), 4, "int8", STEP),
    (heads.spec("classification", "c", activation="softmax"), 11, "uint8", STEP),
    (heads.spec("binary", "d", thresholds=(0.5,)), 1, "int8", SHARE),
    (heads.spec("binary", "e", labels=("no", "yes"), thresholds=(0.35,), activation="sigmoid"), 1, "int8", STEP),
    (heads.spec("multilabel", "f", labels=LABELS, thresholds=(0.25,)), 4, "uint8", SHARES),
    (heads.spec("multilabel", "g", thresholds=(0.1, 0.5, 0.9), activation="sigmoid"), 3, "int8", STEP),
    (heads.spec("regression", "h", labels=("age",), unit="years"), 1, "int8", STEP),
    (heads.spec("regression", "i"), 5, "uint8", STEP),
)


def opened(specs=SPECS):
    """The heads, and an artifact whose outputs are theirs, the last one first in its file."""
    ios = [
        TensorIO(name=spec.outputs[0], tensor=f"t_{spec.name}", shape=(1, width), dtype=dtype, quantization=params)
        for spec, width, dtype, params in specs
    ]
    tensors = [TensorSpec(name=io.name, shape=io.shape, dtype="float32") for io in ios]
    artifact = Artifact(
        target="micro",
        precision="int8",
        file="m.tflite",
        sha256="0" * 64,
        bytes=1,
        inputs=(),
        outputs=tuple(ios),
        ops={},
        requires={},
    )
    places = {io.tensor: place for place, io in enumerate(reversed(ios))}
    return micro_heads([open_head(spec, tensors) for spec, *_ in specs], artifact, places)


def test_scores_decisions_and_order_are_python_s(tmp_path):
    compiler.compiler()
    made, random = opened(), np.random.default_rng(5)
    data = [random.integers(0, 256, (ROWS, 1, one.io.shape[1]), np.uint8) for one in made]
    for rows in data:  # ties, and both ends
        rows[0], rows[1], rows[2], rows[3] = 0, 255, 127, 128
    (tmp_path / "numbers.bin").write_bytes(b"".join(rows.tobytes() for rows in data))
    source = tmp_path / "heads.c"
    text = heads_source(made, "heads")
    source.write_text(PROGRAM.format(heads=text, file=tmp_path / "numbers.bin", count=len(made), rows=ROWS))
    written = vectors.output_of(compiler.build(tmp_path / "heads", source))
    at = 0
    for one, rows in zip(made, data, strict=True):
        for row in rows:
            real = {one.io.name: to_real(row.view(one.io.dtype), one.io)}
            wanted = ReferenceAnswer.of(one.head, real)
            scores = np.frombuffer(written, np.float32, wanted.scores.size, at)[None]
            at += scores.nbytes
            decided = np.frombuffer(written, np.uint16, len(wanted.decisions or ()), at)
            at += decided.nbytes
            order = np.frombuffer(written, np.uint16, min(3, scores.size), at)
            at += order.nbytes
            decisions = None if wanted.decisions is None else tuple(decided.tolist())
            assert ReferenceAnswer(decisions=decisions, scores=scores).equals(wanted), (one.head.name, row)
            assert order.tolist() == top_k(scores[0], 3).tolist()
    assert at == len(written)


def test_the_places_of_outputs_are_those_in_the_file():
    made = opened()
    assert [one.place for one in made] == list(reversed(range(len(made))))
    assert ".output = 8," in heads_source(made, "heads")


def test_a_head_that_c_does_not_read_is_refused_in_words():
    with pytest.raises(SpecError, match="is of the kind embedding, and the C library reads classification, binary"):
        opened([(heads.spec("embedding", "vector"), 4, "int8", STEP)])
    with pytest.raises(SpecError, match="the output 'a' is float32"):
        opened([(heads.spec("regression", "a"), 4, "float32", None)])
