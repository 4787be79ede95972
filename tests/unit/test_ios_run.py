"""`make test-ios` reads the number of tests that Swift says it has run."""

from __future__ import annotations

import pytest

from tests.ios.run import count_tests


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("◇ Test run started.\n✔ Test run with 93 tests passed after 0.123 seconds.", 93),
        ("✔ Test run with 93 tests in 12 suites passed after 0.123 seconds.", 93),
        ("✔ Test run with 1 test in 1 suite passed after 0.001 seconds.", 1),
        ("Test run with 0 tests passed after 0 s.\nTest run with 5 tests in 2 suites passed after 1 s.", 5),
        ("✘ Test run with 93 tests in 12 suites failed after 0.123 seconds with 1 issue.", 0),
        ("Executed 0 tests, with 0 failures (0 unexpected) in 0.0 seconds", 0),
    ],
)
def test_the_number_of_tests_is_read_from_what_swift_says(said, count):
    assert count_tests(said) == count
