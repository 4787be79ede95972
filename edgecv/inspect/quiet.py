"""Keep the chatter that native libraries print while they load off the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from edgecv_runtime.errors import EdgecvError


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, also by C++ code.

    It is let go where an exception that edgecv does not explain leaves the block: then it may say why.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        unexplained = False
        try:
            yield
        except EdgecvError:
            raise
        except BaseException:
            unexplained = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if unexplained:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
