"""The parts of `edgecv serve` that need no server: options, messages, forms, logs, traces, addresses of pictures."""

from __future__ import annotations

import asyncio
import http.server
import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.errors import GateError, UsageError
from starlette.datastructures import Headers

from edgecv.serve.answering import _encoded, _plain
from edgecv.serve.connections import WholeAnswers
from edgecv.serve.gateway import request_identity
from edgecv.serve.intake import HeldBytes, _only_file, fetch_picture, form_pictures
from edgecv.serve.keys import ApiKeys
from edgecv.serve.logs import JsonLog
from edgecv.serve.options import BundleChoice, ListenOptions, ServeLimits, ServiceOptions
from edgecv.serve.refusals import RequestRefusedError
from edgecv.serve.snapshots import Snapshot, stamp
from edgecv.serve.wire import FrameReader, PictureTask, WorkOrder, pack, parts_of
from tests import bundles
from tests.command import edgecv
from tests.serving import form


@pytest.mark.parametrize(
    ("text", "name", "version", "path"),
    [
        ("a.edgecv", None, None, "a.edgecv"),
        ("cats=a.edgecv", "cats", None, "a.edgecv"),
        ("cats@007=a.edgecv", "cats", "7", "a.edgecv"),
        ("a/b=c.edgecv", None, None, "a/b=c.edgecv"),
        ("cats=a=b.edgecv", "cats", None, "a=b.edgecv"),
    ],
)
def test_a_bundle_is_named_before_its_path(text, name, version, path):
    assert BundleChoice.parse(text) == BundleChoice(path=Path(path), name=name, version=version)


@pytest.mark.parametrize("text", ["", "a=", "a b=x", "a@one=x", ".=x", "@1=x"])
def test_names_that_cannot_stand_in_an_address_are_refused(text):
    with pytest.raises(UsageError):
        BundleChoice.parse(text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 can be reached from other machines"),
        (["--no-auth", "--api-key-file", "keys"], "contradict each other"),
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key belong together"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "cannot be used"),
        (["--api-key-file", "nothing"], "nothing cannot be read"),
        (["--deadline", "0"], "--deadline must be over 0"),
        (["--max-pixels", "0"], "--max-pixels must be"),
        (["--workers", "0"], "workers"),
        (["--port", "70000"], "port"),
        (["--gate", "speed=1"], "unknown gate"),
    ],
)
def test_wrong_options_are_told_before_anything_is_loaded(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    Path("keys").write_text("0123456789abcdef0123")
    result = edgecv("serve", "nothing.edgecv", *arguments)
    assert result.code == 2
    assert words in result.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_the_machines_own_addresses_need_no_key(host):
    ListenOptions(host=host).check_access(None)


def test_a_key_or_its_waiver_opens_other_addresses(tmp_path):
    ListenOptions(host="0.0.0.0").check_access(tmp_path / "keys")
    ListenOptions(host="example.com", no_auth=True).check_access(None)


def test_workers_are_as_many_as_the_processors_allow():
    bundle = (BundleChoice(path=Path("a")),)
    assert 1 <= ServiceOptions(bundles=bundle).worker_count <= 4
    assert ServiceOptions(bundles=bundle, threads=1000).worker_count == 1
    with pytest.raises(UsageError, match="no bundle"):
        ServiceOptions(bundles=())


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_messages_arrive_whole_however_they_are_cut(cut):
    orders = [WorkOrder(tasks=(PictureTask(size=size, top=1, drawing=True),)) for size in (3, 0, 5)]
    sent = b"".join(pack(order, [bytes(order.tasks[0].size)]) for order in orders)
    reader, found = FrameReader(), []
    for start in range(0, len(sent), cut):
        found += reader.feed(sent[start : start + cut])
    assert found == [(order, bytes(order.tasks[0].size)) for order in orders]


def test_bytes_are_cut_into_those_of_the_tasks():
    assert parts_of(b"abcdef", [2, 0, 3]) == [b"ab", b"", b"cde"]


def test_files_of_a_form_whatever_their_fields_are_called():
    body, kind = form(b"one\r\n--not the end", b"", b"three")
    text = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    assert form_pictures(kind, text + body, ServeLimits()) == [b"one\r\n--not the end", b"", b"three"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"--edge--\r\n",
        b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--edge--\r\n',
        form(b"a")[0][:-4],
        b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 40 + b"--edge--\r\n",
    ],
)
def test_damaged_forms_are_refused(body):
    with pytest.raises(RequestRefusedError) as refused:
        form_pictures(form()[1], body, ServeLimits())
    assert refused.value.status in {400, 413}


@pytest.mark.parametrize("data", [b"", b"x", b"\r\n", b"a\r\n\r\nb\r\n--edg", bytes(range(256)), b"x--edge"])
def test_a_form_of_one_file_is_read_as_the_parser_reads_it(data):
    body, kind = form(data)
    note = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    assert _only_file(body, b"edge") == data
    assert _only_file(note + body, b"edge") is None
    assert form_pictures(kind, body, ServeLimits()) == form_pictures(kind, note + body, ServeLimits()) == [data]
    for odd in (body + b"more", body[:-5], b"before\r\n" + body, body.replace(b"filename", b"file"), body + body):
        assert _only_file(odd, b"edge") is None


class Sent:
    """A transport that notes what each of its calls sends."""

    def __init__(self):
        self.calls = []

    def write(self, data):
        self.calls.append(data)

    def close(self):
        self.calls.append("closed")

    def is_closing(self):
        return self.calls[-1:] == ["closed"]


def test_an_answer_goes_out_in_one_piece_and_nothing_waits_that_should_not():
    sent, under_way = Sent(), [False]
    answers = WholeAnswers(sent, lambda: under_way[0])
    answers.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    under_way[0] = True
    answers.write(b"head\r\n\r\n")
    assert sent.calls == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    answers.write(b"body\r\n\r\n")
    assert sent.calls[1:] == [b"head\r\n\r\nbody\r\n\r\n"]
    answers.write(b"head alone\r\n\r\n")
    answers.flush()
    answers.flush()
    assert sent.calls[2:] == [b"head alone\r\n\r\n"]
    answers.write(b"cut off\r\n\r\n")
    answers.close()
    assert sent.calls[3:] == [b"cut off\r\n\r\n", "closed"]
    assert answers.is_closing()


def test_bytes_under_way_are_bounded_and_given_back():
    held = HeldBytes(10)
    with held.share() as share:
        share.take(6)
        with held.share() as other, pytest.raises(RequestRefusedError) as refused:
            other.take(5)
        assert refused.value.status == 429
        share.take(4)
    with held.share() as share:
        share.take(10)


def test_a_log_line_is_json_with_a_time():
    lines: list[str] = []
    JsonLog(lines.append)("info", "request", path="/v2", odd=Path("x"))
    record = json.loads(lines[0])
    assert record.pop("time").endswith("Z")
    assert record == {"level": "info", "event": "request", "path": "/v2", "odd": "x"}


@pytest.mark.parametrize(
    ("trace", "valid"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", True),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("", False),
    ],
)
def test_only_valid_traces_are_passed_on(trace, valid):
    _, found = request_identity(Headers({"traceparent": trace}))
    assert found == (trace if valid else None)


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "short\n"])
def test_a_file_without_usable_keys_is_refused(tmp_path, text):
    (tmp_path / "keys").write_text(text)
    with pytest.raises(UsageError):
        ApiKeys(tmp_path / "keys")


def test_any_of_several_keys_opens(tmp_path):
    (tmp_path / "keys").write_text("# comment\n  first-key-0123456789 \nsecond-key-0123456789\n")
    keys = ApiKeys(tmp_path / "keys")
    assert all(keys.admit(Headers({"x-api-key": f"{name}-key-0123456789"})) for name in ("first", "second"))
    assert not keys.admit(Headers({"x-api-key": "third-key-0123456789"}))
    assert not keys.admit(Headers({}))
    assert not keys.admit(Headers({"authorization": "Bearer"}))


def test_what_heads_draw_becomes_json():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Mask:
        mask: np.ndarray
        score: np.float32

    plain = _plain(Mask(np.ones((2, 3), np.uint8), np.float32(0.5)))
    assert plain["score"] == 0.5
    assert (plain["mask"]["width"], plain["mask"]["height"]) == (3, 2)
    assert plain["mask"]["png"].startswith("iVBOR")
    assert _encoded(np.float32([[[1, 2]]])) == [[[1.0, 2.0]]]


@pytest.fixture
def host():
    """A host with a picture, a redirection to it, and one that is too long; and what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("traceparent")))
            self.send_response({"/there": 302, "/gone": 404}.get(self.path, 200))
            self.send_header("location", "/picture.png")
            self.end_headers()
            self.wfile.write(b"x" * ((1 << 20) + 1) if self.path == "/long" else b"picture")

        def log_message(self, *_):
            pass

    asked: list[tuple[str, str | None]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(url, allowed, headers=None):
    async def run():
        deadline = asyncio.get_running_loop().time() + 10
        body = json.dumps({"url": url}).encode()
        return await fetch_picture(body, allowed, ServeLimits(body=1), headers or {}, deadline)

    return asyncio.run(run())


def test_a_picture_is_fetched_from_an_allowed_host_with_the_trace(host):
    name, asked = host
    assert fetch(f"http://{name}/a.png?b=c", [name], {"traceparent": "t"}) == b"picture"
    assert asked == [("/a.png?b=c", "t")]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://{host}/there", 502),
        ("http://{host}/gone", 502),
        ("http://{host}/long", 413),
        ("http://127.0.0.1:1/a.png", 403),
        ("http://127.0.0.1/a.png", 403),
        ("http://allowed.example@{host}/a.png", 403),
        ("http://{host}@elsewhere.example/a.png", 403),
        ("file:///etc/passwd", 403),
        ("ftp://{host}/a.png", 403),
        ("http://[", 400),
        ("", 403),
    ],
)
def test_nothing_else_is_fetched(host, url, status):
    name, asked = host
    with pytest.raises(RequestRefusedError) as refused:
        fetch(url.format(host=name), [name, "allowed.example"])
    assert refused.value.status == status
    assert asked == [] or status in {502, 413}


def test_a_snapshot_is_whole_and_outlives_the_bundle(tmp_path):
    path = tmp_path / "colours.edgecv"
    bundles.write_bundle(path)
    before = stamp(path)
    taken = Snapshot.taken(path, tmp_path)
    assert taken.stamp == before
    (path / "bundle.json").write_bytes((path / "bundle.json").read_bytes() + b"\n")
    assert stamp(path) != before
    taken.bundle.verify_integrity()
    taken.remove()
    assert not taken.folder.exists()


def test_a_damaged_bundle_leaves_no_copy_behind(tmp_path):
    path = tmp_path / "colours.edgecv"
    bundles.write_bundle(path)
    (path / "golden" / "000.png").write_bytes(b"x")
    result = edgecv("serve", path, "--port", "0")
    assert result.code == 1
    assert "000.png was changed" in result.message
    assert not list(tmp_path.glob("bundle-*"))


def test_ctrl_c_is_given_back_when_the_server_has_ended(tmp_path):
    path = tmp_path / "colours.edgecv"
    bundles.write_bundle(path)
    (path / "golden" / "000.png").write_bytes(b"x")
    before = signal.getsignal(signal.SIGINT)
    assert edgecv("serve", path, "--port", "0").code == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_bundle_with_other_golden_answers_is_not_served(tmp_path):
    path = tmp_path / "colours.edgecv"
    samples = bundles.golden_samples()
    for sample in samples:
        sample.outputs["colour"][:] = [[0.0, 1.0, 0.0]]
    bundles.write_bundle(path, samples=samples)
    result = edgecv("serve", path, "--port", "0", "--workers", "1")
    assert result.code == GateError.exit_code
    assert "does not give its golden answers on this machine" in result.message
