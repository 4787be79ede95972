"""What --resume goes on with is a file that anybody who can write to the folder may have exchanged."""

from __future__ import annotations

import keras
import msgspec
import numpy as np
import pytest
from edgecv_runtime.errors import SourceError

from edgecv.compress import checkpoint


@pytest.fixture
def planted(tmp_path):
    """A checkpoint whose model writes a file when it is loaded."""
    marker = tmp_path / "marker"
    function = eval(f"lambda x: (open({str(marker)!r}, 'w'), x)[1]")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(function, output_shape=(4,))])
    progress = msgspec.json.encode(checkpoint.Progress())
    content = {"progress": np.frombuffer(progress, np.uint8)}
    content["model"] = np.frombuffer(checkpoint.model_bytes(model), np.uint8)
    np.savez(tmp_path / checkpoint.FILE, **content)
    marker.unlink(missing_ok=True)
    return tmp_path


def test_a_checkpoint_that_carries_code_is_refused_and_runs_none_of_it(planted):
    with pytest.raises(SourceError, match="carries Python code"):
        checkpoint.load(planted, allow_code=False, custom_objects=None)
    assert not (planted / "marker").exists()


def test_with_allow_code_it_is_loaded_as_the_original_was(planted):
    _, model, _ = checkpoint.load(planted, allow_code=True, custom_objects=None)
    assert model.layers[-1].__class__.__name__ == "Lambda"
