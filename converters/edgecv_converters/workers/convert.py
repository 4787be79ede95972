"""Makes one artifact from the frozen graph."""

from __future__ import annotations

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes.runner import canonical
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.targets import ConversionJob, Converted, find
from edgecv_converters.workers.exchange import FROZEN


def convert_artifact(job: ConversionJob, store: ObjectStore) -> Converted:
    """Convert the frozen graph, once it is there, and describe what was written.

    Raises:
        ConversionError: The converter refused the model.
    """
    target = find(job.target)
    target.load_libraries()
    frozen = canonical(FrozenGraph.load(wait_for(store, FROZEN)), target.passes)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    return target.convert(job, frozen, store)
