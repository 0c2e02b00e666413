"""`jaxanim fit` on a folder: the same names, in parts, going on after an interruption, past what cannot be fitted."""

import dataclasses
import json

import numpy as np
import PIL.Image
import pytest
import skimage.data

from jaxanim.animate import video
from jaxanim.cli import fit_folder, fit_pictures
from jaxanim.cli.main import main
from jaxanim.core.errors import InputError
from jaxanim.signals import face_track

FILM, FRAMES = "id1/a/1.mp4", "id2/b/2"
DAMAGED, EMPTY = "id1/a/3.mp4", "id3/c/4"
FITS = {FILM: "id1/a/1.npz", FRAMES: "id2/b/2.npz", DAMAGED: "id1/a/3.npz", EMPTY: "id3/c/4.npz"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A film, a folder of frames whose names are not padded, a film that is none, and frames without a face."""
    folder = tmp_path_factory.mktemp("clips")
    for name in (FILM, FRAMES, DAMAGED, EMPTY):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    face = np.asarray(skimage.data.astronaut())[:240]
    shown = [np.ascontiguousarray(face[:, left : left + 240]) for left in (100, 120)]
    with video.open_writer(folder / FILM, width=240, height=240, fps=10.0, transparent=False) as write:
        for picture in shown:
            write(picture)
    for name, pictures in ((FRAMES, shown), (EMPTY, [np.full((64, 64, 3), 99, np.uint8)] * 2)):
        (folder / name).mkdir()
        for number, picture in zip((9, 10), pictures, strict=True):
            PIL.Image.fromarray(picture).save(folder / name / f"{number}.png")
    (folder / DAMAGED).write_bytes(b"no film")
    (folder / "cover.png").write_bytes(b"belongs to no clip")
    (folder / "id1" / "._1.mp4").write_bytes(b"what a Mac leaves")
    return folder


@pytest.fixture(scope="module")
def fits(clips, tmp_path_factory):
    """The folder that the command writes; it is made."""
    out = tmp_path_factory.mktemp("out") / "more" / "fits"
    assert main(["fit", str(clips), "-o", str(out)]) == 0
    return out


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_clip_that_shows_a_face(fits):
    assert written(fits) == ["failures-0-of-1.json", "id1/a/1.npz", "id2/b/2.npz"]
    film, frames = (face_track.load(fits / FITS[name]) for name in (FILM, FRAMES))
    assert (film.fps, frames.fps) == (10, fit_folder.FPS)
    for track in (film, frames):
        assert track.found.tolist() == [True, True]
        moved = (track.landmarks68[1] - track.landmarks68[0]).mean(axis=0)
        assert -26 < moved[0] < -10  # by 20, less what is smoothed; frame 9 comes before frame 10
    assert frames.landmarks68[0].mean(axis=0) == pytest.approx(film.landmarks68[0].mean(axis=0), abs=5)


def test_what_cannot_be_fitted_is_named(fits):
    failed = {each["name"]: each["why"] for each in json.loads((fits / "failures-0-of-1.json").read_text())}
    assert list(failed) == [DAMAGED, EMPTY]
    assert "is no video" in failed[DAMAGED]
    assert "4: no face found in any of 2 frames" in failed[EMPTY]


def test_it_goes_on_with_what_is_missing(clips, fits, capsys, monkeypatch):
    looked = []

    def look(path, *rest):
        looked.append(path)
        raise InputError("still damaged")

    monkeypatch.setattr(fit_folder, "_track", look)
    assert main(["fit", str(clips), "-o", str(fits)]) == 0
    assert looked == [clips / DAMAGED, clips / EMPTY]
    assert "0 written, 2 there already, 2 failed, see" in capsys.readouterr().out.splitlines()[-1]


@pytest.fixture
def quick(fits, monkeypatch):
    """Fits nothing: every clip but the damaged one has the track of the film."""
    track = face_track.load(fits / FITS[FILM])

    def of(path, *rest):
        if path.name == "3.mp4":
            raise InputError(f"{path}: damaged")
        return track

    monkeypatch.setattr(fit_folder, "_track", of)
    monkeypatch.setattr(fit_pictures, "make_tools", lambda *files, careful: None)
    return track


def test_shards_share_the_work(clips, quick, tmp_path):
    for index, names in enumerate(([FILM, FRAMES], [EMPTY])):
        assert main(["fit", str(clips), "-o", str(tmp_path / str(index)), "--shard", f"{index}/2"]) == 0
        npz = [name for name in written(tmp_path / str(index)) if name.endswith(".npz")]
        assert npz == [FITS[name] for name in names]
    assert "failures-1-of-2.json" in written(tmp_path / "1")
    assert "failures-0-of-2.json" not in written(tmp_path / "0")
    assert list(fit_folder.plan(clips).items()) == [(name, FITS[name]) for name in (FILM, DAMAGED, FRAMES, EMPTY)]


def test_a_copy_that_was_cut_off_is_fitted_again(clips, quick, tmp_path, capsys):
    assert main(["fit", str(clips), "-o", str(tmp_path)]) == 0
    whole = (tmp_path / FITS[FRAMES]).read_bytes()
    (tmp_path / FITS[FRAMES]).write_bytes(whole[:-100])
    assert main(["fit", str(clips), "-o", str(tmp_path)]) == 0
    assert "1 written, 2 there already, 1 failed" in capsys.readouterr().out
    assert face_track.load(tmp_path / FITS[FRAMES]).found.all()


def test_an_interruption_leaves_complete_files(clips, quick, tmp_path, monkeypatch, capsys):
    save = np.savez_compressed

    def interrupted(path, **arrays):
        save(path, **arrays)
        if path.name.startswith(".2"):
            raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    assert main(["fit", str(clips), "-o", str(tmp_path)]) == 2
    assert "interrupted, 1 written, 0 there already, 1 failed" in capsys.readouterr().err
    assert written(tmp_path) == ["failures-0-of-1.json", FITS[FILM]]


def test_failures_that_are_over_are_not_named_any_more(clips, quick, tmp_path):
    arguments = ["fit", str(clips), "-o", str(tmp_path)]
    assert main(arguments) == 0
    (tmp_path / FITS[DAMAGED]).write_bytes((tmp_path / FITS[FILM]).read_bytes())
    assert main(arguments) == 0
    assert "failures-0-of-1.json" not in written(tmp_path)


def test_a_film_that_ends_early_is_named(clips, fits, tmp_path, monkeypatch):
    """Unlike the same film alone, of which the first part is used."""
    track = face_track.load(fits / FITS[FILM])
    found = [fit_pictures.Person(0, [], track)]
    monkeypatch.setattr(fit_pictures, "find_people", lambda *given, smoothed: found)
    monkeypatch.setattr(fit_pictures.FileSource, "damage", "ends after 1 of 2 frames")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "1.mp4").write_bytes((clips / FILM).read_bytes())
    assert main(["fit", str(tmp_path / "raw"), "-o", str(tmp_path / "out")]) == 2
    (failed,) = json.loads((tmp_path / "out" / "failures-0-of-1.json").read_text())
    assert failed["why"].endswith("1.mp4: ends after 1 of 2 frames")


def test_landmarks_that_no_head_can_have(clips, quick, tmp_path, monkeypatch):
    """What cannot be written is a failure of one clip."""
    broken = dataclasses.replace(quick, landmarks68=np.full_like(quick.landmarks68, np.nan))
    monkeypatch.setattr(fit_folder, "_track", lambda path, *rest: broken if path.name == "1.mp4" else quick)
    assert main(["fit", str(clips), "-o", str(tmp_path)]) == 0
    (failed,) = json.loads((tmp_path / "failures-0-of-1.json").read_text())
    assert failed["name"] == FILM
    assert "NaN" in failed["why"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preview", "p.mp4"], "--preview is for one"),
        (["--face", "all"], "--face all is for one"),
        (["--face", "left"], "largest, all"),
        (["--shard", "2/2"], "0 <= I < N"),
        (["--shard", "one"], "0 <= I < N"),
    ],
)
def test_options_that_are_not_for_folders(clips, tmp_path, command, options, said):
    result = command("fit", clips, "-o", tmp_path / "out", *options)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "out").exists()


def test_other_folders(clips, tmp_path, command):
    (tmp_path / "empty").mkdir()
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "empty" / "photo.png")
    result = command("fit", tmp_path / "empty", "-o", tmp_path / "out")
    assert (result.code, "holds no videos (.mp4" in result.err) == (2, True)
    for name in ("clip.mp4", "clip.avi"):
        (tmp_path / "empty" / name).write_bytes(b"")
    result = command("fit", tmp_path / "empty", "-o", tmp_path / "out")
    assert (result.code, "clip.avi and clip.mp4 would both become clip.npz" in result.err) == (2, True)
    (tmp_path / "file").write_text("")
    assert "cannot be made" in command("fit", clips, "-o", tmp_path / "file").err
    assert "--shard is for folders" in command("fit", clips / FILM, "-o", tmp_path / "f.npz", "--shard", "0/2").err


def test_links(clips, tmp_path):
    """A folder is found by its link, and one that holds itself is looked at once."""
    (tmp_path / "id9").mkdir()
    (tmp_path / "id9" / "v").symlink_to(clips / "id1" / "a")
    (tmp_path / "id9" / "again").symlink_to(tmp_path)
    assert list(fit_folder.plan(tmp_path)) == ["id9/v/1.mp4", "id9/v/3.mp4"]
