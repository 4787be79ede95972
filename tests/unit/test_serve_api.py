"""The API of `edgecv serve`, in process: answers, the protocol, errors, who may call."""

from __future__ import annotations

import json
import struct
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from edgecv_runtime import load
from edgecv_runtime.errors import UsageError
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from edgecv.serve import app
from edgecv.serve.options import ServeLimits
from tests import bundles
from tests.command import edgecv
from tests.serving import encoded, form

RED, BLUE = encoded(bundles.plain((200, 10, 10))), encoded(bundles.plain((10, 20, 210)))
PREDICT, INFER = "/v2/models/colours/predict", "/v2/models/colours/infer"
TIMES = ("queue_ms", "preprocess_ms", "inference_ms", "postprocess_ms")
KEY = "a-key-of-the-test-0123456789"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    bundles.write_bundle(folder / "colours.edgecv")
    bundles.write_two_outputs(folder / "two.edgecv")
    bundles.write_places(folder / "places.edgecv")
    (folder / "keys").write_text(f"# for the test\n{KEY}\n")
    return folder


@pytest.fixture(scope="module")
def client(paths):
    limits = ServeLimits(body=1, pixels=0.01, pictures=3)
    options = {"workers": 1, "limits": limits, "access_log": False, "cors": ("https://page.example",)}
    given = [paths / "colours.edgecv", f"two@7={paths / 'two.edgecv'}", paths / "places.edgecv"]
    with TestClient(app(given, **options)) as found:
        yield found


@pytest.fixture(scope="module")
def locked(paths):
    """A server that asks for keys, inside another application, which tells it of its end alone."""
    inner = app(paths / "colours.edgecv", workers=1, api_key_file=paths / "keys", access_log=False)

    @asynccontextmanager
    async def lifespan(_):
        yield
        await inner.state.service.stop()

    with TestClient(Starlette(routes=[Mount("/edge", inner)], lifespan=lifespan)) as found:
        yield found


def without_times(record):
    return {name: value for name, value in record.items() if name not in TIMES}


@pytest.mark.parametrize("bundle", ["colours", "two", "places"])
def test_an_answer_is_that_of_edgecv_run(client, paths, tmp_path, bundle):
    (tmp_path / "red.png").write_bytes(RED)
    printed = json.loads(edgecv("run", paths / f"{bundle}.edgecv", tmp_path / "red.png", "--json").out)
    answer = client.post(f"/v2/models/{bundle}/predict", content=RED).json()
    assert set(TIMES) <= answer.keys()
    printed = {name: value for name, value in printed.items() if name not in {"source", "frame", "time_s", "dropped"}}
    told = {"model", "version", "identity", "artifact", "runtime"}
    assert without_times(printed) == {name: value for name, value in without_times(answer).items() if name not in told}
    with load(paths / f"{bundle}.edgecv") as predictor:
        assert answer["artifact"] == predictor.artifact.file
        assert answer["runtime"] == str(predictor.backend.info)


def test_thresholds_are_those_of_edgecv_run_and_a_head_without_any_is_refused(paths, tmp_path):
    tags = bundles.colour_head("multilabel", activation="sigmoid", thresholds=(0.5, 0.5, 0.5))
    bundles.write_bundle(tmp_path / "tags.edgecv", tags)
    (tmp_path / "red.png").write_bytes(RED)
    labels = []
    for options in ((), ("0.999999", "red=0.6")):
        flags = [word for option in options for word in ("--threshold", option)]
        printed = json.loads(edgecv("run", tmp_path / "tags.edgecv", tmp_path / "red.png", "--json", *flags).out)
        with TestClient(app(tmp_path / "tags.edgecv", workers=1, thresholds=options, access_log=False)) as client:
            answer = client.post("/v2/models/colours/predict", content=RED).json()
        assert answer["labels"] == printed["labels"]
        labels.append(answer["labels"])
    assert labels[0] != labels[1]
    with (
        pytest.raises(UsageError, match="for yes-or-no answers"),
        TestClient(app(paths / "colours.edgecv", workers=1, thresholds=("0.4",))),
    ):
        pass


def test_a_form_with_one_file_is_answered_like_the_file(client):
    body, kind = form(RED)
    answer = client.post(PREDICT, content=body, headers={"content-type": kind}).json()
    assert without_times(answer) == without_times(client.post(PREDICT, content=RED).json())


def test_places_are_those_of_the_picture_and_what_is_drawn_is_told(client):
    answer = client.post("/v2/models/places/predict?drawing=1", content=RED).json()
    _, things, planes, maps, made = answer["answers"]
    assert [box["label"] for box in things["boxes"]] == ["red", "green"]
    assert things["boxes"][0]["box"] == [2.25, 1.75, 6.75, 5.25]  # of 9 x 7 pixels, from 4 x 4
    assert (planes["mask"]["width"], planes["mask"]["height"]) == (9, 7)
    shapes = {item["head"]: item for item in answer["drawing"]}
    assert [item["shape"] for item in answer["drawing"]] == [
        *("caption", "boxmark", "boxmark", "masklayer", "skeleton", "madepicture")
    ]
    assert shapes["planes"]["classes"]["png"] == planes["mask"]["png"]
    assert shapes["planes"]["labels"] == list(bundles.LABELS)
    assert shapes["maps"]["lines"] == [[0, 1]]
    assert len(shapes["maps"]["points"]) == len(maps["points"])
    assert shapes["made"]["pixels"]["width"] == 4
    assert made["head"] == "made"


def test_several_pictures_are_answered_in_their_order_and_a_bad_one_in_its_place(client):
    body, kind = form(BLUE, b"no picture", RED)
    answer = client.post(PREDICT, content=body, headers={"content-type": kind}).json()
    first, second, third = answer["predictions"]
    assert (first["label"], third["label"]) == ("blue", "red")
    assert second == {"error": "the picture is not a picture that can be read", "status": 400}


def test_top_and_drawing(client):
    answer = client.post(f"{PREDICT}?top=1&drawing=true", content=RED).json()
    assert [one["label"] for one in answer["top"]] == ["red"]
    assert answer["drawing"] == [{"head": "colour", "title": "colour", "shape": "caption", "text": "red 99.6 %"}]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        (PREDICT, b"no picture", {}, 400, "is not a picture that can be read"),
        (PREDICT, RED[:50], {}, 400, "cannot be decoded"),
        (PREDICT, b"", {}, 400, "there is no picture"),
        (PREDICT, b"x" * (1 << 20) + b"x", {}, 413, "a body may have 1 MiB"),
        (PREDICT, encoded(bundles.plain((1, 2, 3)).resize((200, 51))), {}, 413, "too many pixels"),
        (PREDICT, *form(RED, RED, RED, RED), 413, "3 pictures"),
        (PREDICT, form(RED)[0][:-9], {"content-type": form(RED)[1]}, 400, "cut off"),
        (PREDICT, b"--edge--", {"content-type": "multipart/form-data"}, 400, "no boundary"),
        (PREDICT, b'{"url": "http://x/y.png"}', {"content-type": "application/json"}, 403, "not fetched"),
        (f"{PREDICT}?top=0", RED, {}, 400, "from 1 to 1000"),
        (f"{PREDICT}?top=-1", RED, {}, 400, "from 1 to 1000"),
        (PREDICT, RED, {"x-deadline-ms": "soon"}, 400, "number of milliseconds"),
        (PREDICT, RED, {"x-deadline-ms": "0"}, 504, "deadline"),
        ("/v2/models/nothing/predict", RED, {}, 404, "no model 'nothing'"),
        ("/v2/models/colours/versions/2/predict", RED, {}, 404, "no version '2'"),
        (INFER, b"{", {}, 400, "Open Inference Protocol"),
        (INFER, b'{"inputs":[]}', {}, 400, "inputs are image, got none"),
        (INFER, RED, {"inference-header-content-length": "9999"}, 400, "whole number"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_refused_says_why(client, path, body, headers, status, words):
    if isinstance(headers, str):
        headers = {"content-type": headers}
    response = client.post(path, content=body, headers=headers)
    assert response.status_code == status
    assert words in response.json()["error"]
    assert "Traceback" not in response.text


@pytest.mark.parametrize("path", ["/nix", "/v2/models", "/v2/models/colours"])
def test_places_and_methods_that_are_not_there_are_errors_of_the_protocol(client, path):
    response = client.delete(path)
    assert response.status_code in {404, 405}
    assert path in response.json()["error"]


def test_health_metadata_and_readiness(client):
    assert client.get("/livez").json() == {"live": True}
    for path in ("/readyz", "/v2/health/ready", "/v2/models/two/ready", "/v2/models/two/versions/7/ready"):
        assert client.get(path).json() == {"ready": True}
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data", "classification", "statistics"]
    about = client.get("/v2/models/two").json()
    assert about["versions"] == ["7"]
    assert about["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 4, 4, 3]}]
    assert [output["name"] for output in about["outputs"]] == ["colour", "warm"]


def tensor(count=1):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (count, 4, 4, 3)).astype(np.float32)


def expected(paths, values):
    with load(paths / "two.edgecv") as predictor:
        found = [predictor.predict_tensor(values[row : row + 1]) for row in range(len(values))]
    return {name: np.concatenate([one.outputs[name] for one in found]) for name in found[0].outputs}


def test_tensors_in_json_give_the_outputs_to_the_bit(client, paths):
    values = tensor(3)
    sent = {"name": "image", "shape": values.shape, "datatype": "FP32", "data": values.tolist()}
    answer = client.post("/v2/models/two/infer", json={"id": "7", "inputs": [sent]}).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("two", "7", "7")
    for output in answer["outputs"]:
        got = np.asarray(output["data"], np.float32).reshape(output["shape"])
        assert got.tobytes() == expected(paths, values)[output["name"]].tobytes()


def test_binary_tensors_give_the_outputs_to_the_bit(client, paths):
    values = tensor(2)
    sent = {
        "name": "image",
        "shape": values.shape,
        "datatype": "FP32",
        "parameters": {"binary_data_size": values.nbytes},
    }
    wanted = [{"name": "warm", "parameters": {"binary_data": True}}, {"name": "colour"}]
    head = json.dumps({"inputs": [sent], "outputs": wanted}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    response = client.post("/v2/models/two/infer", content=head + values.tobytes(), headers=headers)
    size = int(response.headers["inference-header-content-length"])
    answer = json.loads(response.content[:size])
    assert answer["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert response.content[size:] == expected(paths, values)["warm"].tobytes()
    assert answer["outputs"][1]["data"] == expected(paths, values)["colour"].ravel().tolist()


def test_pictures_as_bytes_and_the_best_classes(client):
    data = b"".join(struct.pack("<I", len(one)) + one for one in (RED, BLUE))
    sent = {"name": "image", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(data)}}
    wanted = {"name": "colour", "parameters": {"classification": 1}}
    head = json.dumps({"inputs": [sent], "outputs": [wanted]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    (output,) = client.post(INFER, content=head + data, headers=headers).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 1])
    assert [word.split(":", 1)[1] for word in output["data"]] == ["0:red", "2:blue"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"datatype": "FP99"}, "datatype"),
        ({"shape": [1, 4, 4, 1]}, "48 numbers, its shape needs 16"),
        ({"shape": [1, 3, 4, 4]}, "takes float32 (1, 4, 4, 3)"),
        ({"shape": [0, 4, 4, 3]}, "shape"),
        ({"shape": []}, "shape"),
        ({"shape": [65, 4, 4, 3], "data": [0] * 65 * 48}, "from 1 to 64"),
        ({"data": ["a"]}, "does not hold FP32"),
        ({"data": [[1], 2]}, "does not hold FP32"),
        ({"name": "picture"}, "inputs are image"),
        ({"datatype": "BYTES"}, "cannot stand in JSON"),
        ({"parameters": {"binary_data_size": 5}}, "5 binary bytes, 0 follow"),
        ({"parameters": {"binary_data_size": -1}}, "-1 binary bytes"),
    ],
)
def test_wrong_tensors_are_refused(client, changed, words):
    sent = {"name": "image", "shape": [1, 4, 4, 3], "datatype": "FP32", "data": [1.0] * 48, **changed}
    response = client.post(INFER, json={"inputs": [sent]})
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_an_output_that_is_not_there(client):
    sent = {"name": "image", "shape": [1, 4, 4, 3], "datatype": "FP32", "data": [1.0] * 48}
    response = client.post(INFER, json={"inputs": [sent], "outputs": [{"name": "nix"}]})
    assert response.json() == {"error": "the model has no output 'nix'", "hint": "Its outputs are colour"}


def test_metrics_and_statistics_count_answers_by_label(client):
    def value(text, start):
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))

    answers = 'edgecv_answers_total{head="colour",label="red",model="two",version="7"}'
    wrong = 'edgecv_requests_total{model="two",outcome="invalid",version="7"}'
    before = client.get("/metrics").text
    stats = client.get("/v2/models/two/stats").json()["model_stats"][0]
    client.post("/v2/models/two/predict", content=RED)
    client.post("/v2/models/two/predict", content=b"nothing")
    after = client.get("/metrics").text
    assert value(after, answers) - value(before, answers) == 1
    assert value(after, wrong) - value(before, wrong) == 1
    for stage in ("queue", "preprocess", "inference", "postprocess"):
        assert f'edgecv_request_duration_seconds_count{{model="two",stage="{stage}",version="7"}}' in after
    assert "edgecv_build_info" in after
    (now,) = client.get("/v2/models/two/versions/7/stats").json()["model_stats"]
    assert now["inference_count"] - stats["inference_count"] == 1
    assert now["inference_stats"]["fail"]["count"] - stats["inference_stats"]["fail"]["count"] == 1
    assert {one["name"] for one in client.get("/v2/models/stats").json()["model_stats"]} == {"colours", "two", "places"}


def test_request_ids_and_traces_are_passed_on(client):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = client.get("/livez", headers={"x-request-id": "mine-1", "traceparent": trace})
    assert (response.headers["x-request-id"], response.headers["traceparent"]) == ("mine-1", trace)
    response = client.get("/livez", headers={"x-request-id": "a b", "traceparent": trace.replace("4bf9", "XYZ9")})
    assert response.headers["x-request-id"] != "a b"
    assert "traceparent" not in response.headers


def test_cors_is_for_the_origins_that_were_named(client):
    asking = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    named = client.options(PREDICT, headers={"origin": "https://page.example", **asking})
    assert named.headers["access-control-allow-origin"] == "https://page.example"
    other = client.options(PREDICT, headers={"origin": "https://other.example", **asking})
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in client.post(PREDICT, content=RED).headers


def test_a_mounted_application_loads_with_its_first_request_and_asks_for_a_key(locked):
    path = f"/edge{PREDICT}"
    assert locked.get("/edge/livez").json() == {"live": True}
    refused = locked.post(path, content=RED)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["error"] == "a key is needed"
    for wrong in ({"authorization": "Bearer nothing"}, {"x-api-key": KEY + "x"}, {"authorization": f"Basic {KEY}"}):
        assert locked.post(path, content=RED, headers=wrong).status_code == 401
    for right in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        assert locked.post(path, content=RED, headers=right).json()["label"] == "red"
    assert locked.get("/edge/metrics").status_code == 401
    assert locked.get("/edge/").status_code == 200


def test_keys_are_read_again_when_their_file_changes(locked, paths):
    other = "another-key-of-the-test-987654"
    path, time_before = f"/edge{PREDICT}", time.monotonic()
    (paths / "keys").write_text(f"{other}\n")
    while locked.post(path, content=RED, headers={"x-api-key": KEY}).status_code != 401:
        assert time.monotonic() - time_before < 10
        time.sleep(0.1)
    assert locked.post(path, content=RED, headers={"x-api-key": other}).status_code == 200
    (paths / "keys").write_text("")  # not usable: those before stay
    time.sleep(1.1)
    assert locked.post(path, content=RED, headers={"x-api-key": other}).status_code == 200
    (paths / "keys").write_text(f"{KEY}\n")


def test_the_pages_fetch_nothing_from_elsewhere(client):
    total = 0
    for path in ("/", "/docs"):
        page = client.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text.replace("http://www.w3.org/", "")
        assert "https://" not in page.text
    for name in ("index.html", "page.css", "page.js"):
        file = client.get("/" if name == "index.html" else f"/static/{name}")
        assert file.status_code == 200
        total += len(file.content)
        assert client.get(file.url.path, headers={"if-none-match": file.headers["etag"]}).status_code == 304
    assert total < 60_000
    assert client.get("/static/../options.py").status_code == 404
    assert client.get("/static/pages.py").status_code == 404


def test_the_description_names_every_path(client):
    document = client.get("/openapi.json").json()
    routes = {route.path for route in client.app.routes if hasattr(route, "path")}
    pages = {"/", "/docs", "/openapi.json", "/static/{file}"}
    assert set(document["paths"]) == routes - pages
