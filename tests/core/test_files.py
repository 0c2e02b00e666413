"""Writing whole files or none: success, failures of every kind, and names that cannot be written to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxanim.core import files
from jaxanim.core.errors import InputError, OutputError, UserError


@pytest.fixture
def old(tmp_path) -> Path:
    """A file that is there already."""
    (tmp_path / "a.txt").write_text("old")
    return tmp_path / "a.txt"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_file(tmp_path):
    with files.replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_old_content_stays_until_the_end(old):
    with files.replacing(old) as temporary:
        temporary.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert names(old.parent) == ["a.txt"]


def test_temporary_name(tmp_path):
    """In the same folder, since renaming works within one disk only; hidden; of the same kind; never the same twice."""
    with files.replacing(tmp_path / "a.tar.gz") as first, files.replacing(tmp_path / "a.tar.gz") as second:
        assert first.parent == tmp_path
        assert first.suffix == ".gz"
        assert first.name.startswith(".a.tar.")
        assert first != second
        first.write_text("1")
        second.write_text("2")


def test_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with files.replacing(Path("a.txt")) as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["a.txt"]


def write_half(path: Path, error: BaseException) -> None:
    with files.replacing(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, InputError, KeyboardInterrupt])
def test_failure_passes_and_leaves_the_old_content(old, error):
    with pytest.raises(error, match="halfway"):
        write_half(old, error("halfway"))
    assert old.read_text() == "old"
    assert names(old.parent) == ["a.txt"]


def test_failure_before_anything_was_written(tmp_path):
    with pytest.raises(ValueError, match="early"), files.replacing(tmp_path / "a.txt"):
        raise ValueError("early")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("encoder failed"), "encoder failed"),
    ],
)
def test_disk_errors_become_output_errors(old, error, reason):
    with pytest.raises(OutputError, match=rf"a\.txt: cannot be written \({reason}\)"):
        write_half(old, error)
    assert old.read_text() == "old"
    assert names(old.parent) == ["a.txt"]


def test_nothing_was_written(old):
    with pytest.raises(OutputError, match="cannot be written"), files.replacing(old):
        pass
    assert old.read_text() == "old"


@pytest.fixture(params=["before the work", "when writing"])
def refuse(request):
    """Both ways to find out that a path cannot be written to."""

    def write(path: Path) -> None:
        with files.replacing(path):
            pytest.fail("began to write")

    return files.check_writable if request.param == "before the work" else write


def test_folder_as_target(tmp_path, refuse):
    with pytest.raises(OutputError, match="is a folder, a file name was expected"):
        refuse(tmp_path)


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_folder_without_a_name_of_its_own(tmp_path, monkeypatch, refuse, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="is a folder, a file name was expected"):
        refuse(Path(name))


def test_missing_folder(tmp_path, refuse):
    with pytest.raises(OutputError, match=r"none/a\.txt: its folder \S*none does not exist"):
        refuse(tmp_path / "none" / "a.txt")
    assert names(tmp_path) == []


def test_file_as_folder(old, refuse):
    with pytest.raises(OutputError, match=r"its folder \S*a\.txt does not exist"):
        refuse(old / "b.txt")


def test_folder_without_permission(tmp_path, monkeypatch, refuse):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    with pytest.raises(OutputError, match=r"a\.txt: its folder \S+ cannot be written to"):
        refuse(tmp_path / "a.txt")


def test_file_without_permission(old, monkeypatch, refuse):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != old)
    with pytest.raises(OutputError, match=r"a\.txt: the existing file cannot be replaced"):
        refuse(old)
    assert old.read_text() == "old"


def test_name_longer_than_the_disk_takes(tmp_path, refuse):
    with pytest.raises(OutputError, match=r"cannot be written \(File name too long\)"):
        refuse(tmp_path / ("a" * 300 + ".txt"))


def test_long_names_that_the_disk_takes(tmp_path):
    """255 bytes are allowed; the temporary name must not be the longer one."""
    path = tmp_path / ("a" * 251 + ".txt")
    with files.replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_writable_paths(old):
    files.check_writable(old)
    files.check_writable(old.parent / "new.txt")
    assert names(old.parent) == ["a.txt"]


def test_output_errors_are_the_users():
    assert issubclass(OutputError, UserError)
    assert not issubclass(OutputError, OSError)


def test_a_result_apart_from_what_is_read(old, tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(old)
    for result in (old, old.parent / "." / "a.txt", link):
        with pytest.raises(OutputError, match="is read by the same command, and would be overwritten"):
            files.check_apart(result, tmp_path / "missing", old)
    files.check_apart(tmp_path / "new.txt", old)
    files.check_apart(tmp_path, tmp_path)  # folders are not overwritten
    assert old.read_text() == "old"


@pytest.mark.parametrize("name", ["x" * 256 + ".png", "ü" * 128, "a\0b"])
def test_names_that_cannot_be(name):
    with pytest.raises(InputError, match="a file's name"):
        files.check_name(Path("folder") / name / "file")
    files.check_name(Path("x" * 255))


def test_json_is_read_as_utf_8_whatever_the_locale(tmp_path):
    (tmp_path / "a.json").write_bytes('"ä"'.encode())
    program = "import sys, pathlib; from jaxanim.core import files; "
    program += "print(ascii(files.read_json(pathlib.Path(sys.argv[1]), what='data')))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", program, str(tmp_path / "a.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "'\\xe4'\n"


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"[" * 100_000], ids=["empty", "cut off", "binary", "deep"])
def test_damaged_json(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: damaged"):
        files.read_json(tmp_path / "a.json", what="data")


def test_missing_json(tmp_path):
    with pytest.raises(InputError, match=r"a\.json: no such file; is this the folder of data\?"):
        files.read_json(tmp_path / "a.json", what="data")
