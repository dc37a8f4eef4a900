"""Folders that take the place of older ones: nothing is lost where one cannot be written."""

import pytest

from fnn.checkpoint import files


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_older_folder_comes_back_where_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    folder = tmp_path / "result"
    older = {"a": b"1", "b": b"2"}
    files.commit_over(folder, older)
    assert content_of(folder) == older

    def no_space(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(files, "commit", no_space)
        with pytest.raises(OSError, match="no space left"):
            files.commit_over(folder, {"a": b"3"})
    assert content_of(folder) == older

    files.commit_over(folder, {"a": b"3"})
    assert content_of(folder) == {"a": b"3"}
    assert list(tmp_path.iterdir()) == [folder]


def test_first_folder_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError("no space left")

    monkeypatch.setattr(files, "commit", no_space)
    with pytest.raises(OSError, match="no space left"):
        files.commit_over(tmp_path / "result", {"a": b"3"})
    assert list(tmp_path.iterdir()) == []
