"""`python -m edgecv`, and the command `edgecv`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; Ctrl-C ends it in order from the first import on."""
    try:
        from edgecv.cli import main as run

        run()
    except KeyboardInterrupt:  # before or after the command line looks out for it
        sys.exit(130)


if __name__ == "__main__":
    main()
