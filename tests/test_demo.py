"""`make demo` asks for what there is: its commands parse, each uses what one before it has made."""

import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from jaxanim.animate import head_drive, head_keyframes
from jaxanim.cli import main, photos

ROOT = Path(__file__).parents[1]
OUTPUT = "demo-output/"


@pytest.fixture(scope="module")
def commands():
    """Every command of the demo, as words."""
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [shlex.split(line) for line in done.stdout.replace("\\\n", " ").splitlines()]


def test_commands_parse_and_use_what_is_there(commands):
    made, seen = set(), 0
    for words in commands:
        if words[0].endswith("python") and words[1] == "-c":
            made |= {part for part in words[2].split("'") if part.startswith(OUTPUT)}
        if not words[0].endswith("jaxanim"):
            continue
        options = main.make_parser().parse_args(words[1:])
        if options.command == "animate":
            photos.check_options(options)
        given = [word for word in words[2:] if "/" in word and word != str(options.output)]
        assert [path for path in given if path not in made and not (ROOT / path).is_file()] == []
        made.add(str(options.output))
        seen += 1
    assert seen >= 6
    assert all((ROOT / path).parent.name == "demo-output" for path in made)


def test_the_end_names_what_was_made(commands):
    said = " ".join(word for words in commands if words[0] == "echo" for word in words)
    for words in commands:
        if words[0].endswith("jaxanim"):
            assert words[words.index("-o") + 1] in said


def test_the_greeting_rests_at_both_ends_and_turns_little():
    keyframes = head_keyframes.read(ROOT / "jaxanim" / "assets" / "tracks" / "greeting.csv")
    source = np.zeros(head_drive.ROW)
    rows = head_keyframes.rows(keyframes, source, 25.0)
    np.testing.assert_allclose(rows[[0, -1]], 0.0, atol=1e-9)
    assert head_drive.limit(rows).turned_too_far == 0
    assert max(abs(keyframes.columns["yaw"])) <= 15.0  # what the geometric system holds on photos
    assert (np.abs(np.diff(rows, axis=0)).max(axis=0) > 0).sum() >= 8
