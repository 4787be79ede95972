"""A worker process of `edgecv serve`: it opens one bundle, proves it on its golden cases, and answers orders.

`python -m edgecv.serve.worker DESCRIPTOR` is started by `process.py`, with one end of a socket. It ends with it.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import traceback
import warnings

from edgecv_runtime.errors import EdgecvError, GateError
from PIL import Image

from edgecv.serve.answering import Answerer
from edgecv.serve.wire import (
    HEAD,
    Message,
    TaskFailed,
    WorkerReady,
    WorkerRefused,
    WorkerSetup,
    WorkOrder,
    WorkReport,
    pack,
    unpack,
)


def main(descriptor: int) -> None:
    """Serve the other end of a socket until it is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the server decides: it closes the socket
        signal.signal(number, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    with socket.socket(fileno=descriptor) as link:
        received = _receive(link)
        if received is not None and isinstance(received[0], WorkerSetup):
            _serve(link, received[0])


def _serve(link: socket.socket, setup: WorkerSetup) -> None:
    Image.MAX_IMAGE_PIXELS = setup.most_pixels // 2  # Pillow warns over it, and refuses twice as many
    try:
        answerer = Answerer.opened(setup)
    except EdgecvError as error:
        refused = WorkerRefused(message=error.message, hint=error.hint, gate=isinstance(error, GateError))
        link.sendall(pack(refused))
        return
    predictor = answerer.predictor
    ready = WorkerReady(
        artifact=predictor.artifact.file, runtime=str(predictor.backend.info), batch=predictor.artifact.batch
    )
    link.sendall(pack(ready))
    gc.collect()
    gc.freeze()  # what is there now stays: no collection needs to look at it again
    while (received := _receive(link)) is not None:
        order, body = received
        assert isinstance(order, WorkOrder)
        try:
            report, parts = answerer.answer(order.tasks, body)
        except Exception:  # noqa: BLE001 - a bug costs one answer, and its traceback goes to the server's log
            traceback.print_exc()
            failed = TaskFailed(status=500, message="the worker failed, which is a bug in edgecv")
            report, parts = WorkReport(results=(failed,) * len(order.tasks)), []
        try:
            link.sendall(pack(report, parts))
        except (BrokenPipeError, ConnectionResetError):  # the server has ended
            return


def _receive(link: socket.socket) -> tuple[Message, bytes] | None:
    """Wait for a message; None where the other end was closed."""
    head = _exactly(link, HEAD.size)
    if head is None:
        return None
    header_size, body_size = HEAD.unpack(head)
    header, body = _exactly(link, header_size), _exactly(link, body_size)
    return None if header is None or body is None else (unpack(header), bytes(body))


def _exactly(link: socket.socket, count: int) -> bytearray | None:
    data = bytearray(count)
    view, filled = memoryview(data), 0
    while filled < count:
        try:
            taken = link.recv_into(view[filled:])
        except ConnectionResetError:
            return None
        if not taken:
            return None
        filled += taken
    return data


if __name__ == "__main__":
    main(int(sys.argv[1]))
