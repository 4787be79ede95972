"""What the machine refuses is told from what edgecv does wrong."""

import errno

import pytest
from edgecv_runtime.environment import environment_error, exhaustion
from edgecv_runtime.errors import EdgecvError, SourceError


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EDQUOT, "Disk quota exceeded"),
        (errno.EFBIG, "File too large"),
        (errno.EROFS, "Read-only file system"),
        (errno.EACCES, "Permission denied"),
        (errno.EMFILE, "Too many open files"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
def test_an_error_of_the_machine_names_the_file_and_what_to_do(code, words):
    found = environment_error(OSError(code, words, "/there/weights.bin"))
    assert type(found) is EdgecvError
    assert found.message == f"/there/weights.bin: {words}"
    assert found.hint


def test_an_error_without_a_file_says_who_refused():
    assert environment_error(OSError(errno.ENOSPC, "full")).message == "the operating system refused: full"


def test_a_name_that_is_no_text_can_be_printed():
    found = environment_error(OSError(errno.EACCES, "no", b"bad\xff"))
    assert found.message.encode() == b"bad\\udcff: no"


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "gone", "x"), OSError(errno.EBADF, "x"), OSError("x")]
)
def test_what_is_no_matter_of_the_machine_stays_a_bug(error):
    assert environment_error(error) is None


def raised(error, cause):
    try:
        raise error from cause
    except EdgecvError as found:
        return found


def test_a_full_disk_is_told_whatever_was_made_of_it():
    full = OSError(errno.ENOSPC, "No space left on device", "part")
    wrapped = raised(SourceError("model.keras is damaged"), raised(SourceError("inner"), full))
    assert exhaustion(wrapped).message == "part: No space left on device"


def test_an_error_that_is_its_own_cause_by_way_of_another_is_looked_through_once():
    one, other = SourceError("one"), SourceError("other")
    one.__cause__, other.__cause__ = other, one
    assert exhaustion(one) is None


@pytest.mark.parametrize("code", [errno.EFBIG, errno.EACCES, errno.ENOENT])
def test_what_a_file_itself_is_refused_for_stays(code):
    assert exhaustion(raised(SourceError("it is too large"), OSError(code, "it is larger than 1 MiB", "x"))) is None
