"""Whatever the description of the API allows, and what it does not, is answered as it says, and never with a crash."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans

from tests import bundles
from tests.serving import serving

schemathesis = pytest.importorskip("schemathesis")
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    folder = tmp_path_factory.mktemp("description")
    bundles.write_bundle(folder / "colours.edgecv")
    with serving(folder, folder / "colours.edgecv", "--workers", 1, "--quiet") as server:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
        assert server.process.poll() is None
        assert [line for line in server.log() if line["level"] == "error"] == []


def test_the_api_is_as_it_is_described(description):
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        holds(operation)


def holds(operation):
    """Call one operation with requests that fit its description; half of those that name a model name this one."""

    @given(case=operation.as_strategy(), real=booleans())
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def ask(case, real):
        if real and "name" in case.path_parameters:
            case.path_parameters |= {"name": "colours"} | (
                {"version": "1"} if "version" in case.path_parameters else {}
            )
        case.headers.pop("X-Deadline-Ms", None)  # a deadline of no time is one that passes
        case.call_and_validate(checks=CHECKS)

    ask()
