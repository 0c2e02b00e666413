"""Programs of clusters that are not here: they note how they were called and answer what a test told them to."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash")

_PROGRAM = """#!{python} -SE
import json, os, pathlib, signal, sys
folder, name = pathlib.Path({folder!r}), {name!r}
with open(folder / "calls.jsonl", "a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
answers = json.loads((folder / "answers.json").read_text())
word = next((each for each in answers if each in [name, *sys.argv[1:]]), None)
if word is None:
    sys.exit(0)
answer = answers[word].pop(0) if len(answers[word]) > 1 else answers[word][0]
(folder / "answers.json").write_text(json.dumps(answers))
if answer.get("terminate"):
    os.kill(os.getppid(), signal.SIGTERM)
if "touch" in answer:
    pathlib.Path(answer["touch"]).touch()
if "mkdir" in answer:
    pathlib.Path(answer["mkdir"]).mkdir(parents=True)
if "write" in answer:
    pathlib.Path(answer["write"][0]).write_text(answer["write"][1])
for stream, name in ((sys.stdout, "output"), (sys.stderr, "error")):
    if name in answer:
        print(answer[name], file=stream)
sys.exit(answer.get("code", 0))
"""


class Stubs:
    """Stand-ins for programs, in a folder of their own."""

    def __init__(self, folder, names):
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name in names:
            path = self.bin / name
            path.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder), name=name))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self.answer()

    def answer(self, **answers):
        """Sets what programs or their subcommands answer, call by call; the last answer stays."""
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def calls(self, word=None):
        """How programs were called, in order; only those with a word in them."""
        noted = self.folder / "calls.jsonl"
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [call for call in map(json.loads, lines) if word is None or word in call]

    def run(self, script, *arguments, path="/usr/bin:/bin", **environment):
        """Runs a script of the checkout with the stand-ins first on the path."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        return subprocess.run(
            [BASH, str(ROOT / script), *map(str, arguments)],
            cwd=ROOT,
            env={**kept, "PATH": f"{self.bin}:{path}", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def refused(done, said):
    """Whether a script ended with exit code 2 and one line that says why."""
    return done.returncode == 2 and done.stderr.count("\n") == 1 and said in done.stderr
