"""Results that come from elsewhere: all of one is checked against the schema and the bundle before any is used."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import IO, Final

import msgspec
from edgecv_runtime.bench.result import MeasuredOn, Result, decode_result, read_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError

SHOWN: Final = 12  # digits of an identity
OUTPUTS: Final = re.compile(r"\d{1,4}/(?:golden|evaluation)/\d{1,3}\.npy")  # ROW/SET/OUTPUT.npy


def unpack_answers(packed: IO[bytes], folder: Path, origin: str) -> None:
    """Write the outputs that a device sent as a tar file; nothing else in it is touched.

    Raises:
        DataError: It is no such file, or holds other things.
    """
    packed.seek(0)
    try:
        with tarfile.open(fileobj=packed, mode="r:") as archive:
            for entry in archive:
                file = archive.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    copy_output(file, entry.name.removeprefix("./"), folder, origin)
    except tarfile.TarError as error:
        raise DataError(f"the outputs of {origin} are no tar file: {error}", "Measure again") from error


def take_answers(found: Path, folder: Path, origin: str) -> None:
    """Copy the outputs that lie in a folder from a device.

    Raises:
        DataError: There are none, or other things.
    """
    files = sorted(path for path in found.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        raise DataError(f"{origin} has no outputs", "Measure again")
    for path in files:
        with path.open("rb") as file:
            copy_output(file, path.relative_to(found).as_posix(), folder, origin)


def copy_output(file: IO[bytes], name: str, folder: Path, origin: str) -> None:
    """Write one file of outputs, if it is called as one.

    Raises:
        DataError: It is not.
    """
    if not OUTPUTS.fullmatch(name):
        raise DataError(f"{origin} sent the file {name!r}, which is no output of a row", "Measure again")
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as out:
        shutil.copyfileobj(file, out)


def answer(data: bytes, origin: str, bundle: Bundle, place: MeasuredOn) -> Result:
    """The result that a device gave for a bundle, with the place as edgecv knows it.

    Raises:
        DataError: It is no result, of a newer edgecv, or of other files than this bundle's.
    """
    result = decode_result(data, origin)
    check_bundle(result, origin, bundle)
    return msgspec.structs.replace(result, place=place)


def read_import(path: Path, bundle: Path | None = None) -> Result:
    """A result that a phone shared; `place` says that it was imported, and from which file or device.

    Raises:
        DataError: It is no result, of a newer edgecv, empty, or of another bundle than the one given.
        BundleError: The bundle cannot be opened.
    """
    result = read_result(path)
    if bundle is not None:
        with Bundle.load(bundle, verify=False) as opened:
            check_bundle(result, str(path), opened)
    elif not result.rows:
        raise DataError(f"{path} has no rows, so it measured nothing", "Run the benchmark again, and share its result")
    return msgspec.structs.replace(result, place=MeasuredOn(kind="import", name=path.name))


def check_bundle(result: Result, origin: str, bundle: Bundle) -> None:
    """Refuse a result that was not measured on the very files of this bundle.

    Raises:
        DataError: See the message.
    """
    mine = bundle.manifest.identity
    if result.identity != mine:
        raise DataError(
            f"{origin} is a result of another bundle: {result.name} {result.identity[:SHOWN]}, "
            f"not {bundle.manifest.name} {mine[:SHOWN]}",
            "Put this bundle on the device and measure again, or give the bundle that was measured there",
        )
    if not result.rows:
        raise DataError(f"{origin} has no rows, so it measured nothing", "Run the benchmark again")
    digests = {artifact.file: artifact.sha256 for artifact in bundle.manifest.artifacts}
    for row in result.rows:
        if row.artifact not in digests:
            raise DataError(
                f"{origin} names {row.artifact}, which the bundle has not", "Measure this bundle again there"
            )
        if row.sha256 != digests[row.artifact]:
            raise DataError(
                f"{origin} measured a {row.artifact} of other content than this bundle's",
                "Put this bundle on the device and measure again",
            )
