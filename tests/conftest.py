"""Models and images that many tests share, made once a session."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from edgecv_converters.isolate import WorkerPool

from tests import models
from tests.heap import Heap
from tests.warm_hosts import WarmHosts

# Before TensorFlow is imported: some layers of Keras have no kernel without oneDNN, which old processors start without.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: tests of Ctrl-C want Python's own
    signal.signal(signal.SIGINT, signal.default_int_handler)

WARM_HOSTS = WarmHosts(WorkerPool._start_host)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: what converts a test's model starts cold where its mark says so, and the heap is small."""
    WARM_HOSTS.cold = item.get_closest_marker("cold_hosts") is not None
    Heap.settle()


@pytest.fixture(scope="session", autouse=True)
def warm_hosts() -> Iterator[None]:
    """Hosts of workers are forked from one that has imported what they need; see `tests/warm_hosts.py`."""
    if sys.platform != "linux":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkerPool, "_start_host", staticmethod(WARM_HOSTS.start))
        yield
    WARM_HOSTS.close()


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.keras` file: a small CNN for 16 x 16 x 1 pixels in 0..1, trained on scanned digits."""
    path = tmp_path_factory.mktemp("digits") / "digits.keras"
    models.trained_digits().save(path)
    return path


@pytest.fixture(scope="session")
def digits_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a Keras 2 `.h5` file."""
    import tf_keras

    inputs = tf_keras.Input((models.DIGITS_SIZE, models.DIGITS_SIZE, 1), name="image")
    twin = tf_keras.Sequential([inputs, *models.digits_layers(tf_keras.layers)], name="digits")
    twin.set_weights([np.asarray(weight) for weight in models.trained_digits().get_weights()])
    path = tmp_path_factory.mktemp("digits_h5") / "digits.h5"
    models.save_h5(twin, path)
    return path


@pytest.fixture(scope="session")
def digits_savedmodel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a SavedModel folder."""
    path = tmp_path_factory.mktemp("digits_saved") / "digits"
    models.trained_digits().export(path, verbose=False)
    return path


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PNG files of 16 x 16 grey pixels: train/<class>/ (60 each) and test/<class>/ (20 each)."""
    path = tmp_path_factory.mktemp("digits_folder")
    models.write_digits(path)
    return path


@pytest.fixture(scope="session")
def people_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.keras` file with two outputs: the age and the gender of a drawn head, from 24 x 24 x 1 pixels in 0..1."""
    path = tmp_path_factory.mktemp("people") / "people.keras"
    models.trained_people().save(path)
    return path


@pytest.fixture(scope="session")
def people_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the labels of both outputs, by head: calibration.npz, test.npz, and test/<gender>/ as pictures."""
    path = tmp_path_factory.mktemp("people_data")
    models.write_people(path)
    return path
