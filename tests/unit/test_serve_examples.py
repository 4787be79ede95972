"""The files of examples/serve name paths, metrics, options and extras that there are."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import typer
import yaml

from edgecv.cli import app
from edgecv.serve.metrics import ModelMetrics, ServerMetrics
from edgecv.serve.openapi import description

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "serve"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def options():
    command = typer.main.get_command(app).get_command(None, "serve")
    return {word for parameter in command.params for word in parameter.opts}


def test_every_metric_of_the_dashboard_exists():
    metrics = ServerMetrics("1")
    model = ModelMetrics(metrics, "m", "1")
    model.batch(1)
    model.restarted()
    model.reloaded("swapped")
    model.serving("identity", "artifact", "runtime")
    model.state(1, 1)
    metrics.answers.labels("m", "1", "head", "label").inc()
    there = set(re.findall(r"^(\w+)", metrics.exposition().decode(), re.MULTILINE))
    dashboard = json.loads((EXAMPLES / "grafana.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    used = set(re.findall(r"\b(?:edgecv|process)_\w+", asked))
    assert len(used) > 10
    assert used - there == set()


def test_the_containers_call_the_server_as_it_is():
    docker = (EXAMPLES / "Dockerfile").read_text("utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    (wanted,) = re.findall(r'"\.\[(.+)\]"', docker)
    assert set(wanted.split(",")) <= extras.keys()
    assert "USER 10001" in docker
    compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text("utf-8"))
    server = compose["services"]["edgecv"]
    assert server["read_only"]
    assert (EXAMPLES / server["build"]["context"] / server["build"]["dockerfile"]).is_file()
    deployment, service = yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text("utf-8"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given = [*server["command"], *container["args"], *re.findall(r'"(--[^"]+)"', docker.partition("ENTRYPOINT")[2])]
    assert {word for word in given if OPTION.fullmatch(word)} <= options()
    paths = json.loads(description("1"))["paths"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    assert re.search(r"8080(/\w+)", docker)[1] in paths
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


def test_prometheus_gets_the_key():
    (job,) = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text("utf-8"))
    (secret,) = compose["services"]["prometheus"]["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    assert job["static_configs"][0]["targets"] == ["edgecv:8080"]


def test_every_option_of_the_page_exists():
    text = (ROOT / "docs" / "serve.md").read_text("utf-8")
    told = set(OPTION.findall(text)) - {"--data-binary", "--json", "--batch"}
    assert told <= options()
