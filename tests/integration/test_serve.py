"""`edgecv serve` as a process: real clients, signals, changed bundles, lost workers, and clients that misbehave."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from edgecv_runtime import load
from PIL import Image

from tests import bundles
from tests.processes import comes_true, runs
from tests.serving import Server, encoded, form, serving

RED, BLUE = encoded(bundles.plain((200, 10, 10))), encoded(bundles.plain((10, 20, 210)))
PREDICT = "/v2/models/colours/predict"
KEY = "a-key-of-the-test-0123456789"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("serve") / "colours.edgecv"
    bundles.write_bundle(path)
    return path


@pytest.fixture(scope="module")
def server(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, bundle, "--workers", 2, "--max-body", 1, "--deadline", 3) as found:
        yield found


def slow_picture():
    """A picture that takes a while to decode."""
    rng = np.random.default_rng(0)
    return encoded(Image.fromarray(rng.integers(0, 256, (2500, 2500, 3), np.uint8)), "JPEG")


class Asking:
    """Clients that ask without a pause until the block ends; `counts` is what became of their requests."""

    def __init__(self, server: Server, clients: int = 3) -> None:
        self.counts: Counter[object] = Counter()
        self.answers: list[tuple[str, str]] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        link = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        while not self._stop.is_set():
            try:
                link.request("POST", PREDICT, RED)
                response = link.getresponse()
                answer = json.loads(response.read())
                self.counts[response.status] += 1
                self.answers.append((answer.get("identity"), answer.get("label")))
            except (OSError, http.client.HTTPException) as error:
                self.counts[type(error).__name__] += 1
                link.close()
        link.close()


def test_triton_s_client_works_unchanged(server, bundle):
    triton = pytest.importorskip("tritonclient.http")
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("colours", "1")
        assert client.get_server_metadata()["name"] == "edgecv"
        about = client.get_model_metadata("colours")
        assert about["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 4, 4, 3]}]
        values = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
        with load(bundle) as predictor:
            wanted = np.concatenate(
                [predictor.predict_tensor(values[row : row + 1]).outputs["colour"] for row in (0, 1)]
            )
        for binary in (True, False):
            tensor = triton.InferInput("image", values.shape, "FP32")
            tensor.set_data_from_numpy(values, binary_data=binary)
            output = triton.InferRequestedOutput("colour", binary_data=binary)
            found = client.infer("colours", [tensor], outputs=[output], request_id="7")
            assert found.as_numpy("colour").tobytes() == wanted.tobytes()
            assert found.get_response()["id"] == "7"
        assert client.infer("colours", [tensor]).as_numpy("colour").tobytes() == wanted.tobytes()
        best = triton.InferRequestedOutput("colour", class_count=2)
        (word, _), _ = client.infer("colours", [tensor], outputs=[best]).as_numpy("colour")
        score, index, label = word.decode().split(":")
        assert label == bundles.LABELS[int(index)]
        assert np.float32(score) == wanted[0].max()
        pictures = triton.InferInput("image", [2], "BYTES")
        pictures.set_data_from_numpy(np.array([RED, BLUE], object))
        scores = client.infer("colours", [pictures]).as_numpy("colour")
        assert scores.argmax(1).tolist() == [0, 2]
        counts = client.get_inference_statistics("colours")["model_stats"][0]
        assert counts["inference_count"] >= 10
        with pytest.raises(triton.InferenceServerException, match="inputs are image"):
            client.infer("colours", [triton.InferInput("nix", [1], "FP32").set_data_from_numpy(np.float32([1]))])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_a_file_in_both_ways(server, tmp_path):
    (tmp_path / "red.png").write_bytes(RED)
    url = f"http://127.0.0.1:{server.port}{PREDICT}"
    for arguments in (["--data-binary", "@red.png"], ["-F", "picture=@red.png"]):
        run = subprocess.run(
            ["curl", "-sf", *arguments, url], cwd=tmp_path, capture_output=True, check=True, timeout=30
        )
        assert json.loads(run.stdout)["label"] == "red"


def test_requests_that_are_damaged_cut_off_or_slow_harm_nobody(server):
    before = len(server.workers())
    address = ("127.0.0.1", server.port)
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(RED)}\r\n\r\n".encode()
    with socket.create_connection(address) as half:
        half.sendall(head + RED[:20])
    with socket.create_connection(address) as gone:
        gone.sendall(head + RED)
    with socket.create_connection(address) as rubbish:
        rubbish.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert b"400" in rubbish.recv(1000)
    with socket.create_connection(address) as chunked:
        chunked.sendall(head.split(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            try:
                chunked.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                break
        assert b" 413 " in chunked.recv(1000)
    silent, dawdling = socket.create_connection(address), socket.create_connection(address)
    dawdling.sendall(head[:30])
    with socket.create_connection(address) as slow:
        slow.sendall(head + RED[:20])
        assert server.ask("POST", PREDICT, RED)[1]["label"] == "red"
        slow.settimeout(20)
        assert b" 408 " in slow.recv(1000)
    for link in (silent, dawdling):  # without the head of a request in time the connection ends
        link.settimeout(10)
        assert link.recv(1000) == b""
        link.close()
    assert server.ask("POST", PREDICT, RED, {"host": "evil.example"})[0] == 403
    assert len(server.workers()) == before
    assert server.process.poll() is None
    assert not [line for line in server.log() if line["event"] == "server" and line["level"] == "error"]


def test_a_killed_worker_loses_no_request_and_is_replaced(server):
    before = server.workers()
    with Asking(server) as asking:
        for _ in range(3):
            victim = min(server.workers())
            time.sleep(0.2)
            os.kill(victim, signal.SIGKILL)
            assert comes_true(lambda old=victim: old not in server.workers() and len(server.workers()) == 2)
            assert comes_true(lambda: 'edgecv_workers{model="colours",version="1"} 2.0' in metrics(server))
    assert set(asking.counts) == {200}
    assert {label for _, label in asking.answers} == {"red"}
    assert not set(before) & set(server.workers())
    assert [line["event"] for line in server.log()].count("worker_lost") >= 3


def metrics(server):
    return server.ask("GET", "/metrics")[1].decode()


def test_a_hangup_loads_the_bundle_again_without_a_lost_request(server):
    before = server.workers()
    with Asking(server) as asking:
        server.process.send_signal(signal.SIGHUP)
        assert comes_true(lambda: 'outcome="swapped"' in metrics(server))
        assert comes_true(lambda: len(server.workers()) == 2 and not set(before) & set(server.workers()))
    assert set(asking.counts) == {200}


def test_a_changed_bundle_is_swapped_in_without_a_lost_request_and_a_wrong_one_never(tmp_path):
    path, other, wrong = (tmp_path / f"{name}.edgecv" for name in ("colours", "other", "wrong"))
    bundles.write_bundle(path)
    bundles.write_bundle(other, bundles.colour_head(labels=("rot", "gruen", "blau")), identity="2e" * 32)
    samples = bundles.golden_samples()
    for sample in samples:
        sample.outputs["colour"][:] = [[0.0, 1.0, 0.0]]
    bundles.write_bundle(wrong, samples=samples, identity="3f" * 32)
    with serving(tmp_path, path, "--workers", 1, "--quiet") as server, Asking(server) as asking:
        assert comes_true(lambda: asking.counts[200] > 20)

        def swap(new, outcome):
            path.rename(tmp_path / f"before-{outcome}")
            shutil.copytree(new, path)
            assert comes_true(lambda: f'outcome="{outcome}"' in metrics(server)), server.log()

        swap(wrong, "failed_golden")
        assert server.ask("POST", PREDICT, RED)[1]["identity"] == "1d" * 32
        swap(other, "swapped")
        assert server.ask("POST", PREDICT, RED)[1]["label"] == "rot"
        assert comes_true(lambda: len(server.workers()) == 1)
        count = len(asking.answers)
        assert comes_true(lambda: len(asking.answers) > count + 20)
        os.kill(server.workers()[0], signal.SIGKILL)  # the next one opens what was proven, whatever lies there now
        shutil.rmtree(path)
        assert server.ask("POST", PREDICT, RED)[1]["label"] == "rot"
    assert set(asking.counts) == {200}
    assert set(asking.answers) == {("1d" * 32, "red"), ("2e" * 32, "rot")}
    refused = [line for line in server.log() if line["event"] == "reload_refused"]
    assert "golden answers" in refused[0]["message"]


def test_sigterm_answers_what_was_taken_and_ends(bundle, tmp_path):
    picture = slow_picture()
    with serving(tmp_path, bundle, "--workers", 1) as server:
        with ThreadPoolExecutor(6) as pool:
            waiting = [pool.submit(server.ask, "POST", PREDICT, picture) for _ in range(6)]
            assert comes_true(lambda: '"event":"loaded"' in server.errors.read_text())
            time.sleep(0.3)
            workers = server.workers()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            assert server.ask("GET", "/readyz")[0] == 503
            answers = [future.result() for future in waiting]
        assert [status for status, _ in answers] == [200] * 6
        assert server.process.wait(timeout=20) == 0
        assert not any(runs(worker) for worker in workers)
        with pytest.raises(ConnectionRefusedError):
            server.ask("GET", "/livez")
        assert [line["event"] for line in server.log()][-1] == "ended"


def test_workers_end_with_a_server_that_is_killed_and_the_next_one_removes_its_files(bundle, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {"TMPDIR": str(scratch)}
    with serving(tmp_path, bundle, "--workers", 2, env=env) as server:
        workers = server.workers()
        assert len(workers) == 2
        server.stop(signal.SIGKILL)
        assert comes_true(lambda: not any(runs(worker) for worker in workers))
    (left,) = scratch.iterdir()
    with serving(tmp_path, bundle, "--workers", 1, env=env) as server:
        assert not left.exists()
        assert server.stop() == 0
    assert list(scratch.iterdir()) == []


def test_a_full_queue_answers_429_and_clients_that_go_free_their_places(bundle, tmp_path):
    picture = slow_picture()
    with serving(tmp_path, bundle, "--workers", 1, "--queue", 2) as server:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
        links = []
        for _ in range(8):
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(head + picture)
            links.append(link)
        assert comes_true(lambda: 'outcome="busy"' in metrics(server))
        for link in links:
            link.close()
        assert comes_true(lambda: server.ask("POST", PREDICT, RED)[0] == 200, 5)
        assert 'outcome="cancelled"' in metrics(server)


def test_tls_keys_and_logs_without_secrets(bundle, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    (tmp_path / "keys").write_text(KEY)
    options = ["--tls-cert", certificate, "--tls-key", key, "--api-key-file", tmp_path / "keys", "--host", "0.0.0.0"]
    with serving(tmp_path, bundle, "--workers", 1, *options) as server:
        trusted = ssl.create_default_context(cafile=str(certificate))
        link = http.client.HTTPSConnection("localhost", server.port, context=trusted, timeout=20)
        statuses = []
        for headers in ({"X-API-Key": KEY}, {"Authorization": "Bearer wrong-secret"}):
            link.request("POST", f"{PREDICT}?token=query-secret", RED, {**headers, "x-request-id": "id-1"})
            response = link.getresponse()
            response.read()
            statuses.append(response.status)
        link.close()
        assert statuses == [200, 401]
        assert server.stop(signal.SIGINT) == 130
    text = server.errors.read_text()
    assert [line["status"] for line in server.log() if line.get("request_id") == "id-1"] == [200, 401]
    assert not any(secret in text for secret in (KEY, "wrong-secret", "query-secret"))


def test_answers_without_a_body_and_several_at_once_come_on_a_connection_that_is_kept(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        get = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for _ in range(2):
            link.sendall(get.replace(b"GET", b"HEAD") + get)
            data = b""
            while not data.endswith(b"}"):
                data += link.recv(65536)
            heads = data.split(b"HTTP/1.1 200")
            assert len(heads) == 3
            assert heads[1].endswith(b"\r\n\r\n")
            assert heads[2].endswith(b'{"live":true}')


def test_an_address_that_is_taken_is_an_error(server, bundle, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "edgecv", "serve", str(bundle), "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "cannot be had" in run.stderr
    assert '"event":"ended"' not in run.stderr  # it never began


def test_a_batch_artifact_takes_what_waits_together(tmp_path):
    path = tmp_path / "batch.edgecv"
    bundles.write_onnx(path / "onnx" / "model.float32.onnx", batch=4)
    artifact = bundles.onnx_artifact(path / "onnx" / "model.float32.onnx", "onnx/model.float32.onnx", batch=4)
    bundles.write_bundle(path, artifacts=(artifact,))
    body, kind = form(*[RED, BLUE] * 4, slow_picture())
    with serving(tmp_path, path, "--workers", 1) as server:
        status, answer = server.ask("POST", PREDICT, body, {"content-type": kind})
        text = metrics(server)
    assert status == 200
    assert [one["label"] for one in answer["predictions"]][:8] == ["red", "blue"] * 4
    assert 'edgecv_batch_samples_bucket{le="2.0",model="colours",version="1"} 1.0' in text
    assert 'edgecv_batch_samples_count{model="colours",version="1"} 3.0' in text
