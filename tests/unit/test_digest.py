"""Digests of files and folders."""

from __future__ import annotations

import hashlib

import pytest
from edgecv_runtime.digest import sha256_file, sha256_tree, tree_bytes


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "model.mlpackage"
    (folder / "Data" / "weights").mkdir(parents=True)
    (folder / "Manifest.json").write_bytes(b"{}")
    (folder / "Data" / "weights" / "weight.bin").write_bytes(b"\0" * 5)
    (folder / "Data.txt").write_bytes(b"")
    return folder


def test_a_files_digest_is_sha256sums(tree):
    assert sha256_file(tree / "Manifest.json") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert sha256_tree(tree / "Manifest.json") == sha256_file(tree / "Manifest.json")


def test_a_folders_digest_is_that_of_its_sorted_lines(tree):
    def line(data, name):
        return f"{hashlib.sha256(data).hexdigest()}  {name}\n"

    lines = line(b"", "Data.txt") + line(b"\0" * 5, "Data/weights/weight.bin") + line(b"{}", "Manifest.json")
    assert sha256_tree(tree) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_folders_digest_tells_renames_and_changes(tree):
    before = sha256_tree(tree)
    (tree / "Data.txt").rename(tree / "Info.txt")
    renamed = sha256_tree(tree)
    (tree / "Info.txt").write_bytes(b"x")
    assert len({before, renamed, sha256_tree(tree)}) == 3


def test_bytes_are_those_of_all_files(tree):
    assert tree_bytes(tree) == 7
    assert tree_bytes(tree / "Manifest.json") == 2
