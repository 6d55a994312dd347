"""What the files of a run tell, however they are; and its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgrad.errors import FileError
from glassgrad.runs import delete_run, is_run, read_run_folder
from glassgrad.runs.folder import held, is_held, outline_of
from tests.runs.fake import CONFIG, begun, ended, under_way


def test_a_run_that_has_ended(tmp_path: Path) -> None:
    run = read_run_folder(ended(tmp_path / "run"))
    assert (run.name, run.status, run.seconds, run.version) == ("run", "ended", 9.5, "0.1.0")
    assert run.config == CONFIG
    assert run.result == {"test_loss": 0.5, "seconds": 9.5}
    assert run.metrics == {"loss": {0: 2.0, 1: 1.0}, "val_loss": {0: 3.0, 1: 4.0}}
    assert run.begun is not None
    assert run.ended is not None


def test_what_the_doctor_found_is_in_the_result(tmp_path: Path) -> None:
    folder = ended(tmp_path / "run")
    assert read_run_folder(folder).findings is None
    for found, understood in (([], []), ([{"code": "divergence"}],) * 2, ("damaged", None)):
        result = json.loads((folder / "result.json").read_text()) | {"findings": found}
        (folder / "result.json").write_text(json.dumps(result))
        run = read_run_folder(folder)
        assert run.findings == understood
        assert run.result == {"test_loss": 0.5, "seconds": 9.5}


def test_a_run_that_was_interrupted(tmp_path: Path) -> None:
    run = read_run_folder(under_way(tmp_path / "run"))
    assert (run.status, run.result, run.ended) == ("interrupted", None, None)
    assert run.metrics == {"loss": {0: 2.0}, "val_loss": {0: 3.0}}


def test_a_run_that_was_lengthened_has_not_ended(tmp_path: Path) -> None:
    folder = ended(tmp_path / "run", epochs=3)
    assert read_run_folder(folder).status == "interrupted"


def test_a_run_under_way_is_seen(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no such locks")
    folder = begun(tmp_path / "run")
    assert not is_held(folder)
    with held(folder):
        assert is_held(folder)
        assert read_run_folder(folder).status == "running"
        with pytest.raises(FileError, match="Another process is at work"):
            delete_run(folder)
    assert not is_held(folder)
    assert not is_held(tmp_path / "missing")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": ' * 100_000])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    folder = ended(tmp_path / "run")
    (folder / "config.json").write_bytes(content)
    assert is_run(folder)
    assert read_run_folder(folder).config == {}
    folder = ended(tmp_path / "other")
    (folder / "result.json").write_bytes(content)
    assert read_run_folder(folder).status == "interrupted"
    assert read_run_folder(folder).metrics["loss"] == {0: 2.0, 1: 1.0}
    (folder / "checkpoint.safetensors").write_bytes(content)
    assert read_run_folder(folder).metrics == {}


@pytest.mark.parametrize("history", ["null", "3", '{"loss": 3}', '{"loss": ["x"]}', '[["loss"]]'])
def test_a_history_that_is_none(tmp_path: Path, history: str) -> None:
    folder = ended(tmp_path / "run")
    (folder / "result.json").write_text(f'{{"of_epochs": 2, "history": {history}}}')
    assert read_run_folder(folder).metrics == {}


def test_what_is_no_run(tmp_path: Path) -> None:
    assert not is_run(tmp_path)
    assert not is_run(tmp_path / "missing")
    (tmp_path / "config.json").write_text('{"model_type": "of another program"}')
    assert not is_run(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert not is_run(tmp_path)
    with pytest.raises(FileError, match="holds no run, so it is not deleted"):
        delete_run(tmp_path)


def test_a_deleted_run_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    folder, other = ended(tmp_path / "run"), ended(tmp_path / "other")
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("12345")
    assert outline_of(folder).files == 5
    assert outline_of(folder).others == ["mine/notes.txt"]
    (tmp_path / ".glassgrad-deleted-0123").mkdir()  # of a process that was killed
    delete_run(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert is_run(other)


def test_a_linked_run_is_unlinked(tmp_path: Path) -> None:
    folder = ended(tmp_path / "elsewhere" / "run")
    (tmp_path / "link").symlink_to(folder)
    delete_run(tmp_path / "link")
    assert not (tmp_path / "link").exists()
    assert is_run(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


def test_a_folder_that_cannot_be_removed_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ended(tmp_path / "run")

    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(FileError, match=r"Cannot delete the run .*Permission denied"):
        delete_run(folder)
    assert read_run_folder(folder).status == "ended"
