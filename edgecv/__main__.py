"""`python -m edgecv`, and the command `edgecv`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; Ctrl-C ends it in order from the first import on, and changes nothing once all is done."""
    try:
        from edgecv.cli import main as run

        run()
    except KeyboardInterrupt:  # before or after the command line looks out for it
        sys.exit(130)
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's own end would let it kill the process


if __name__ == "__main__":
    main()
