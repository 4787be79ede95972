"""The proof that a loaded bundle gives its golden answers on this machine, without which it is not served."""

from __future__ import annotations

from collections.abc import Sequence

from edgecv_converters.golden import GoldenSample, read_golden
from edgecv_converters.parity.fall import recorded_falls
from edgecv_converters.parity.gates import GOLDEN, GateConfig
from edgecv_converters.parity.methods import activated
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.verdict import judge
from edgecv_runtime.backends import run_float
from edgecv_runtime.errors import GateError
from edgecv_runtime.predictor import Predictor

from edgecv.prove.golden import decodes_again, preprocess_again

AGAIN = "Run edgecv verify on this machine, or make the bundle again"


def prove(predictor: Predictor, gates: Sequence[str] = ()) -> None:
    """Preprocess, infer and decode the golden cases, with the very artifact and runtime that will answer.

    Args:
        predictor: What answers.
        gates: Bars that are moved, as `edgecv verify --gate` has them.

    Raises:
        BundleError: The golden cases are damaged.
        GateError: A picture gives another tensor, or the artifact other answers than its gates allow.
    """
    bundle = predictor.bundle
    cases = list(read_golden(bundle.root, bundle.manifest.golden))
    pictures, equal = preprocess_again(bundle, cases)
    if equal < pictures:
        raise GateError(f"{pictures - equal} of {pictures} golden pictures are preprocessed to other tensors", AGAIN)
    decoded = sum(decodes_again(bundle, case) for case in cases)
    if decoded < len(cases):
        raise GateError(f"{len(cases) - decoded} of {len(cases)} golden cases are decoded to other answers", AGAIN)
    _prove_artifact(predictor, cases, gates)


def _prove_artifact(predictor: Predictor, cases: list[GoldenSample], moved: Sequence[str]) -> None:
    artifact, total = predictor.artifact, ComparisonAccumulator(predictor.heads)
    for case in cases:
        total.add([case.id], activated(artifact, case.outputs), run_float(predictor.backend, artifact, case.inputs))
    trained = predictor.manifest.provenance.recipe.get("epochs") is not None
    gates = GateConfig.parse(tuple(moved), trained=trained)
    measured = total.result()
    falls = recorded_falls(gates, predictor.manifest.parity, artifact, measured)
    how = str(predictor.backend.info)
    found = judge(artifact, gates, {GOLDEN: measured}, how=how, more_gates=dict.fromkeys(falls, ""))
    if found.status == "failed":
        raise GateError(f"{artifact.file} does not give its golden answers on this machine: {found.reason}", AGAIN)
