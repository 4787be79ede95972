"""`edgecv.convert`: the command of the same name, from Python, for a file or a live model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from edgecv.convert.pipeline import Outcome
from edgecv.convert.pipeline import convert as run
from edgecv.convert.request import ConvertOptions, from_options
from edgecv.terminal.tables import NOT_KEPT, raise_for_gates

if TYPE_CHECKING:
    import keras

LIVE = Path("model.keras")  # what a model in memory is called


def convert(model: str | Path | keras.Model, out: str | Path, **options: Unpack[ConvertOptions]) -> Outcome:
    """Convert a trained model for all targets, and prove that they give its answers.

    Args:
        model: A `.keras` or `.h5` file, a SavedModel folder, or a live `keras.Model`.
        out: The bundle to make, NAME.edgecv or NAME.edgecv.zip.
        **options: See `edgecv.convert.request.ConvertOptions`.

    Returns:
        The manifest and the report, as they lie in the bundle.

    Raises:
        GateError: An artifact is too far from the source, and `keep_failing` is not given.
        EdgecvError: Anything else that can be mended.
        TypeError: There is no option of that name.
    """
    if unknown := sorted(options.keys() - ConvertOptions.__annotations__.keys()):
        raise TypeError(f"edgecv.convert has no option {unknown[0]!r}; its options are those of ConvertOptions")
    live = None if isinstance(model, str | Path) else model
    path = Path(model) if isinstance(model, str | Path) else LIVE
    outcome = run(from_options(path, Path(out), options), live=live)
    if not options.get("keep_failing", False):
        raise_for_gates(outcome.failed, NOT_KEPT)
    return outcome
