"""Runs the server of `edgecv serve` until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import ssl
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from edgecv_converters.parity.gates import GateConfig
from edgecv_runtime.errors import EdgecvError, UsageError

from edgecv.serve.application import application
from edgecv.serve.connections import TimedConnection
from edgecv.serve.logs import JsonLog
from edgecv.serve.options import ListenOptions, ServiceOptions
from edgecv.serve.service import Service
from edgecv.terminal.console import EXIT_INTERRUPTED, note, people

KEEP_ALIVE: Final = 75  # seconds
FAREWELL: Final = 0.5  # seconds in which connections that are kept alive hear that the server ends
MOST_CONNECTIONS: Final = 10_000
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class HttpServer(uvicorn.Server):
    """uvicorn's server, whose signals are handled here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class LogHandler(logging.Handler):
    """Hands what uvicorn and asyncio log to the server's own log."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a traceback stands in it."""
        more = {"traceback": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {}
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log(level, "server", message=record.getMessage(), **more)  # type: ignore[arg-type]


def run(service_options: ServiceOptions, listen: ListenOptions) -> int:
    """Serve until SIGTERM or Ctrl-C, and return the exit code.

    Raises:
        EdgecvError: A bundle cannot be served, or the address cannot be had.
        GateError: A bundle does not give its golden answers on this machine.
        UsageError: Options contradict each other.
    """
    listen.check_access(service_options.api_key_file)
    GateConfig.parse(service_options.gates)
    with _handlers_restored(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_Running(Service(service_options), listen).run())


@contextlib.contextmanager
def _handlers_restored() -> Iterator[None]:
    """Give the signals back to whoever had them: uvloop leaves handlers of its own behind, which do nothing."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Running:
    """One run of the server."""

    def __init__(self, service: Service, listen: ListenOptions) -> None:
        self._service = service
        self._listen = listen
        self._asked: asyncio.Queue[int] = asyncio.Queue()
        self._server = HttpServer(self._config())

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        handler = LogHandler(self._service.log)
        logging.getLogger().addHandler(handler)
        for number in SIGNALS:
            loop.add_signal_handler(number, self._asked.put_nowait, int(number))
        serving = asyncio.create_task(self._serve())
        starting = asyncio.create_task(self._service.start())
        told = asyncio.create_task(self._until_told())
        try:
            await asyncio.wait([serving, starting, told], return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not serving.done():
                await starting
                gc.collect()
                gc.freeze()  # what is there now stays: no collection needs to look at it again
                if people().is_terminal:
                    note(f"serving on {self._address()}")
                self._service.log("info", "ready", address=self._address())
            await asyncio.wait([serving, told], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            return await told
        finally:
            told.cancel()
            await self._end(serving, starting)
            logging.getLogger().removeHandler(handler)

    async def _until_told(self) -> int:
        """Wait for a signal that ends the server; SIGHUP loads the bundles again."""
        reloading: set[asyncio.Task[None]] = set()
        while (number := await self._asked.get()) == signal.SIGHUP:
            task = asyncio.create_task(self._service.reload())
            reloading.add(task)
            task.add_done_callback(reloading.discard)
        self._service.log("info", "draining", signal=signal.Signals(number).name)
        return EXIT_INTERRUPTED if number == signal.SIGINT else 0

    async def _end(self, serving: asyncio.Task[None], starting: asyncio.Task[None]) -> None:
        """Answer what was taken, then close; a second signal closes at once."""
        self._service.draining = True
        if self._service.begun and starting.done():
            await asyncio.sleep(FAREWELL)
        starting.cancel()
        self._server.should_exit = True
        ending = asyncio.gather(serving, starting, return_exceptions=True)
        hurried = asyncio.create_task(self._hurry())
        ends = await ending
        hurried.cancel()
        await self._service.stop()
        if not any(isinstance(end, Exception) for end in ends):  # else the command says what went wrong
            self._service.log("info", "ended")

    async def _hurry(self) -> None:
        while await self._asked.get() == signal.SIGHUP:
            pass
        self._server.force_exit = True

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit:
            raise EdgecvError(
                f"{self._listen.host}:{self._listen.port} cannot be had",
                "Is another program there? Give another --port",
            ) from None

    def _config(self) -> uvicorn.Config:
        listen = self._listen
        try:
            config = uvicorn.Config(
                application(self._service),
                host=listen.host,
                port=listen.port,
                lifespan="off",  # this module starts the service, and ends it
                http=TimedConnection.within(self._service.options.limits.deadline),
                ws="none",
                proxy_headers=False,
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=int(self._service.options.limits.deadline) + 1,
                limit_concurrency=MOST_CONNECTIONS,
                ssl_certfile=listen.tls_cert,
                ssl_keyfile=listen.tls_key,
            )
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--tls-cert and --tls-key cannot be used: {error}") from error
        return config

    def _address(self) -> str:
        scheme = "http" if self._listen.tls_cert is None else "https"
        sockets = [socket for server in getattr(self._server, "servers", ()) for socket in server.sockets]
        port = sockets[0].getsockname()[1] if sockets else self._listen.port
        host = f"[{self._listen.host}]" if ":" in self._listen.host else self._listen.host
        return f"{scheme}://{host}:{port}"
