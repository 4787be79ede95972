"""The kinds of file that strangers send, and what edgecv does with each."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.mutate import mutated_bytes, mutated_json

PICTURE = "picture.png"
Mutate = Callable[[bytes, Random, tuple[str, ...]], bytes]


@dataclass(frozen=True, slots=True)
class InBundle:
    """A file of a bundle is mutated, and the digests that cover it are made to fit.

    Attributes:
        name: What is mutated.
        bundle: A good bundle.
        file: The mutated file's name inside it.
        alone: Only the artifact of that file stays in the manifest, so that it is the one that runs.
        mutate: Gives the mutated data.
    """

    name: str
    bundle: Path
    file: str
    alone: bool = False
    mutate: Mutate = mutated_bytes

    def write(self, folder: Path, random: Random, paths: tuple[str, ...]) -> Path:
        """A copy of the bundle with one file mutated."""
        copy = folder / "m.edgecv"
        shutil.copytree(self.bundle, copy)
        place = copy / self.file
        data = self.mutate(place.read_bytes(), random, paths)
        place.write_bytes(data)
        if self.file != "bundle.json":
            manifest = json.loads((copy / "bundle.json").read_text())
            self._fit(manifest, data)
            if self.alone:
                self._keep_alone(copy, manifest)
            (copy / "bundle.json").write_text(json.dumps(manifest))
        return copy

    def _fit(self, manifest: dict[str, dict[str, object]], data: bytes) -> None:
        digest = {"sha256": hashlib.sha256(data).hexdigest()}
        if self.file == "golden/golden.json":
            manifest["golden"].update(digest)
        for artifact in manifest["artifacts"]:
            if artifact["file"] == self.file:
                artifact.update(digest, bytes=len(data))

    def _keep_alone(self, copy: Path, manifest: dict[str, list[dict[str, str]]]) -> None:
        for entry in manifest["artifacts"]:
            if entry["file"] != self.file:
                (copy / entry["file"]).unlink()
        manifest["artifacts"] = [entry for entry in manifest["artifacts"] if entry["file"] == self.file]

    def use(self, path: Path) -> None:
        """Check every file, read the golden cases, answer a picture, and look into the mutated artifact."""
        from edgecv_converters.golden import read_golden
        from edgecv_runtime.bundle import Bundle
        from edgecv_runtime.errors import EdgecvError
        from edgecv_runtime.predictor import load

        refusals: list[EdgecvError] = []

        def tried(step: Callable[[], object]) -> None:
            try:
                step()
            except EdgecvError as error:
                refusals.append(error)

        def golden() -> None:
            with Bundle.load(path, verify=False) as bundle:
                list(read_golden(bundle.root, bundle.manifest.golden))

        def whole() -> None:
            with Bundle.load(path) as bundle:
                bundle.verify_integrity()

        def answer() -> None:
            target = self.file.partition("/")[0] if self.alone else None
            with load(path, target=target) as predictor:
                predictor.predict(self.bundle.parent / PICTURE)

        for step in (whole, golden, answer):
            tried(step)
        if self.alone:
            tried(lambda: _inspect(path / self.file))
        if refusals:
            raise refusals[0]


def _inspect(path: Path) -> None:
    from edgecv_converters.onnx.inspect import inspect_onnx
    from edgecv_converters.tflite.inspect import inspect_tflite

    {".tflite": inspect_tflite, ".onnx": inspect_onnx}[path.suffix](path)


@dataclass(frozen=True, slots=True)
class Zipped:
    """A bundle in one zip file."""

    bundle: Path
    name: str = "zip"

    def write(self, folder: Path, random: Random, paths: tuple[str, ...]) -> Path:
        """The zip with bytes, or names and sizes, mutated."""
        path = folder / "m.edgecv.zip"
        buffer = io.BytesIO()
        hostile = random.random() < 0.4
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.bundle.rglob("*")):
                if file.is_file():
                    archive.writestr(file.relative_to(self.bundle).as_posix(), file.read_bytes())
            if hostile:
                entry = zipfile.ZipInfo(random.choice((*paths, "../new", "a\\b", "x" * 300, "bundle.json", "golden/x")))
                entry.external_attr = random.choice((0o644, 0o120777, 0o010644, 0o777)) << 16
                archive.writestr(entry, bytes(random.choice((0, 10, 10_000_000))))
        data = buffer.getvalue()
        path.write_bytes(data if hostile and random.random() < 0.5 else mutated_bytes(data, random, paths))
        return path

    def use(self, path: Path) -> None:
        """Open it and check every file."""
        from edgecv_runtime.bundle import Bundle

        with Bundle.load(path) as bundle:
            bundle.verify_integrity()


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model, as a file or a folder; `documents` are the JSON parts inside that are mutated as such."""

    name: str
    seeds: tuple[Path, ...]
    rewrite: Callable[[Path, Path, Random, tuple[str, ...]], None] | None = field(default=None)

    def write(self, folder: Path, random: Random, paths: tuple[str, ...]) -> Path:
        """A mutated copy."""
        seed = random.choice(self.seeds)
        path = folder / seed.name
        if seed.is_dir():
            shutil.copytree(seed, path)
            files = sorted(file for file in path.rglob("*") if file.is_file())
            file = path / "saved_model.pb" if random.random() < 0.8 else random.choice(files)
            file.write_bytes(mutated_bytes(file.read_bytes(), random, paths))
        elif self.rewrite is not None and random.random() < 0.6:
            self.rewrite(seed, path, random, paths)
        else:
            path.write_bytes(mutated_bytes(seed.read_bytes(), random, paths))
        return path

    def use(self, path: Path) -> None:
        """Load and freeze it, as `convert` and `inspect` do."""
        from edgecv_converters.source import load_source

        load_source(path).layers()


def rewrite_hdf5(seed: Path, path: Path, random: Random, paths: tuple[str, ...]) -> None:
    """The configuration in an HDF5 file mutated."""
    import h5py

    shutil.copy(seed, path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        data = text.encode() if isinstance(text, str) else bytes(text)
        file.attrs["model_config"] = mutated_json(data, random, paths).replace(b"\0", b" ")[:60_000]


def rewrite_archive(seed: Path, path: Path, random: Random, paths: tuple[str, ...]) -> None:
    """One part of a .keras archive mutated."""
    with zipfile.ZipFile(seed) as old, zipfile.ZipFile(path, "w") as new:
        chosen = random.choice(("config.json", "config.json", "config.json", "metadata.json", "model.weights.h5"))
        for name in old.namelist():
            data = old.read(name)
            if name == chosen:
                mutate = mutated_json if name.endswith(".json") else mutated_bytes
                data = mutate(data, random, paths)
            new.writestr(name, data)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of every format that is read."""

    seeds: tuple[bytes, ...]
    name: str = "picture"

    def write(self, folder: Path, random: Random, paths: tuple[str, ...]) -> Path:
        """A mutated picture."""
        path = folder / "picture"
        path.write_bytes(mutated_bytes(random.choice(self.seeds), random, paths))
        return path

    def use(self, path: Path) -> None:
        """Decode and resize it."""
        from edgecv_runtime.preprocess import Preprocessor
        from edgecv_runtime.schema import Preprocess

        Preprocessor(Preprocess(size=(16, 16)))(path)
