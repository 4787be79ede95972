"""Serve bundles on Ray Serve, which spreads copies of the server over a cluster's machines.

python examples/ray_serve.py model.edgecv --replicas 2
"""

from __future__ import annotations

import argparse
import os
import time

from ray import serve

from edgecv.serve import app


def build(bundle: str, replicas: int = 1) -> serve.Application:
    """The application for `serve.run`: each replica is a whole server with one worker process."""
    ingress = serve.ingress(lambda: app(bundle, workers=1))
    return serve.deployment(ingress(type("EdgecvServer", (), {})), num_replicas=replicas).bind()


def main() -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--replicas", type=int, default=1)
    given = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports its use to its makers otherwise
    serve.run(build(given.bundle, given.replicas))
    while True:
        time.sleep(1)


if __name__ == "__main__":
    raise SystemExit(main())
