"""The time limit of a benchmark on a device."""

from __future__ import annotations

from typing import Final

from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.formats import KNOWN
from edgecv_runtime.schema import Manifest

LEAST: Final = 3600.0  # seconds; labelled samples take what they take on a slow device
BACKENDS: Final = max(len(known.backends) for known in KNOWN.values())  # that may run one artifact
THREADS: Final = 2  # numbers of threads where none was asked for
SLACK: Final = 3.0


def time_limit(manifest: Manifest, options: Options) -> float:
    """Seconds: an hour, and three times what the options ask for. A worker that hangs is found much earlier, there."""
    rows = len(manifest.artifacts) * BACKENDS * (len(options.threads) or THREADS)
    each = options.seconds + options.warm_up_seconds + options.sustained_seconds
    return LEAST + SLACK * rows * each
