"""`edgecv serve`: bundles behind an API and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import default_of, takes, values
from edgecv.serve.options import ListenOptions, ServeLimits, ServiceOptions, choices

WHERE, WHO, HOW_MUCH = "Where it listens", "Who may call", "How much"

Bundles = Annotated[
    list[str],
    typer.Argument(
        metavar="BUNDLE...",
        help="What to serve: NAME.edgecv or NAME.edgecv.zip, with NAME= or NAME@VERSION= before it where it is to be "
        "called otherwise.",
        show_default=False,
    ),
]
Host = Annotated[str, typer.Option("--host", help="The address to listen at.", rich_help_panel=WHERE)]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.", rich_help_panel=WHERE)
]
Certificate = Annotated[
    Path | None,
    opt.path_option("--tls-cert", metavar="PEM", help="Serve https with this certificate.", panel=WHERE),
]
CertificateKey = Annotated[
    Path | None, opt.path_option("--tls-key", metavar="PEM", help="The key of the certificate.", panel=WHERE)
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="How many processes answer for each bundle.",
        show_default="as many as the processors allow, at most 4",
        rich_help_panel=HOW_MUCH,
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        "--threads", min=1, help="How many threads the runtime uses in each process.", rich_help_panel=HOW_MUCH
    ),
]
QueueLength = Annotated[
    int,
    typer.Option(
        "--queue",
        min=1,
        help="How many requests may wait for a model; one more is answered 429.",
        rich_help_panel=HOW_MUCH,
    ),
]
Deadline = Annotated[
    float,
    typer.Option(
        "--deadline", metavar="SECONDS", help="Answer 504 to a request that takes longer.", rich_help_panel=HOW_MUCH
    ),
]
BodySize = Annotated[
    int,
    typer.Option("--max-body", metavar="MIB", min=1, help="The largest request in MiB.", rich_help_panel=HOW_MUCH),
]
PixelCount = Annotated[
    float,
    typer.Option(
        "--max-pixels", metavar="MILLIONS", help="The largest picture in millions of pixels.", rich_help_panel=HOW_MUCH
    ),
]
PictureCount = Annotated[
    int,
    typer.Option("--max-pictures", min=1, help="The most pictures in one request.", rich_help_panel=HOW_MUCH),
]
TopCount = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="Name the K best classes.", rich_help_panel=HOW_MUCH)
]
KeyFile = Annotated[
    Path | None,
    opt.path_option(
        "--api-key-file",
        metavar="FILE",
        help="Ask for one of the keys in this file, one a line. It is read again when it changes.",
        panel=WHO,
    ),
]
NoAuth = Annotated[
    bool, typer.Option("--no-auth", help="Ask for no key, also at addresses that others reach.", rich_help_panel=WHO)
]
CorsOrigins = Annotated[
    list[str] | None,
    opt.option("--cors", metavar="ORIGIN", help="Let the pages of this origin call the server. Repeatable.", panel=WHO),
]
AllowUrls = Annotated[
    list[str] | None,
    opt.option(
        "--allow-urls",
        metavar="HOST",
        help="Let clients name pictures at this host, to be fetched from here. Repeatable.",
        panel=WHO,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not log every request.")]
NoWatch = Annotated[bool, typer.Option("--no-watch", help="Load changed bundles on SIGHUP only.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeArguments:
    """The command line of `edgecv serve`."""

    bundles: Bundles
    host: Host = default_of(ListenOptions, "host")
    port: Port = default_of(ListenOptions, "port")
    tls_cert: Certificate = None
    tls_key: CertificateKey = None
    workers: Workers = None
    threads: Threads = default_of(ServiceOptions, "threads")
    target: opt.Target = None
    precision: opt.Precision = None
    backend: opt.BackendName = None
    thresholds: opt.Thresholds = None
    gates: opt.Gates = None
    top: TopCount = default_of(ServiceOptions, "top")
    queue: QueueLength = default_of(ServeLimits, "queue")
    deadline: Deadline = default_of(ServeLimits, "deadline")
    body: BodySize = default_of(ServeLimits, "body")
    pixels: PixelCount = default_of(ServeLimits, "pixels")
    pictures: PictureCount = default_of(ServeLimits, "pictures")
    api_key_file: KeyFile = None
    no_auth: NoAuth = False
    cors: CorsOrigins = None
    allow_urls: AllowUrls = None
    quiet: Quiet = False
    no_watch: NoWatch = False


LISTEN: Final = frozenset(ListenOptions.__struct_fields__)
LIMITS: Final = frozenset(ServeLimits.__struct_fields__)

app = typer.Typer(add_completion=False)


@app.command()
@takes(ServeArguments)
def serve(given: ServeArguments) -> int:
    """Serve bundles to programs and people: an API, a page for pictures and the camera, and metrics.

    Examples: edgecv serve model.edgecv, edgecv serve a.edgecv b@2=b2.edgecv --port 9000
    """
    from edgecv.extras import require

    require(("starlette", "uvicorn", "httptools", "prometheus_client", "python_multipart"), "serve")
    from edgecv.serve.running import run

    found = values(given, without={"bundles", "quiet", "no_watch", "cors", "allow_urls", "gates", "thresholds"})
    listen = ListenOptions(**{name: found[name] for name in LISTEN & found.keys()})
    limits = ServeLimits(**{name: found[name] for name in LIMITS & found.keys()})
    rest = {name: value for name, value in found.items() if name not in LISTEN | LIMITS}
    options = ServiceOptions(
        bundles=choices(given.bundles),
        limits=limits,
        gates=tuple(given.gates or ()),
        thresholds=tuple(given.thresholds or ()),
        cors=tuple(given.cors or ()),
        allow_urls=tuple(given.allow_urls or ()),
        local_only=listen.loopback and given.api_key_file is None and not given.no_auth,
        access_log=not given.quiet,
        watch=not given.no_watch,
        **rest,
    )
    return run(options, listen)
