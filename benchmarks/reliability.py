"""What a training survives: real processes of a toy run, killed, starved, damaged and started again; measures times.

    python -m benchmarks.reliability [--kills 20] [--seed 0] [--only SCENARIO] [--json OUT]

Every scenario raises where something is lost. The short form is `tests/reliability`.
"""

import argparse
import json
import logging
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from jaxanim.train import mesh
from jaxanim.train.checkpoint import Checkpoints
from tests.reliability import damages, processes, toy_run
from tests.train import toy_gan

Found = dict[str, Any]
DAMAGED = [3, 50, 77]  # records that cannot be read
STAGES = ("arrays", "manifest", "listed", "removal")
LONG = 100_000  # steps of a run that is not meant to come to its end


def main() -> None:
    """Runs the scenarios and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", choices=sorted(SCENARIOS), help="one scenario")
    parser.add_argument("--json", type=Path, help="where the numbers go")
    options = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    chance, found = random.Random(options.seed), {}
    for name, scenario in SCENARIOS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                found[name] = scenario(Path(folder), options.kills, chance)
            print(f"{name}: {json.dumps(found[name])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def killed(folder: Path, kills: int, chance: random.Random) -> Found:
    """Kills with -9, half of the times at any moment of the clock, half of them at a stage of a save."""
    straight, unlucky, steps = folder / "straight", folder / "killed", 20 * kills
    shared = {"steps": steps, "damaged": DAMAGED}
    _succeed([processes.start(folder, straight, **shared)])
    deaths: dict[str, int] = {}
    for kill in range(kills):
        before, stage = _kept(unlucky), ""
        if kill % 2:
            stage = STAGES[kill // 2 % len(STAGES)]
            at = max(before + 4 * chance.randint(1, 3), 12)  # of the first two checkpoints nothing is removed
            after = chance.uniform(0, 0.05)
            run = processes.start(folder, unlucky, die_in_save=(at, stage), after=after, **shared)
            assert run.wait() == -signal.SIGKILL
        else:
            run = processes.start(folder, unlucky, pause=0.4, **shared)
            time.sleep(chance.uniform(1.0, 10.0))
            run.process.kill()
            run.wait()
            stage = "any moment"
        partial = any(name.endswith(".partial") for name in processes.saved(unlucky))
        stage += ", in a save" if partial else ""
        deaths[stage] = deaths.get(stage, 0) + 1
        assert before <= _kept(unlucky) < steps, "the run was too short for so many kills"
    _succeed([processes.start(folder, unlucky, **shared)])
    processes.check_same(straight, unlucky)
    assert processes.saved(unlucky) == processes.saved(straight)
    again = len((unlucky / "order_0.jsonl").read_text().splitlines()) - steps
    return {"kills": deaths, "steps": steps, "steps_done_again": again, "bitwise": True}


def asked_to_stop(folder: Path, kills: int, chance: random.Random) -> Found:
    """SIGTERM to one of two processes, then on with two: the same as two that nobody stopped."""
    del kills
    stopped, seconds = folder / "stopped", []
    for victim in (0, 1):
        pair = processes.start_several(folder, stopped, 2, steps=LONG, fsdp=2, pause=0.01, damaged=DAMAGED)
        _wait_for_step(stopped, _kept(stopped) + 4)
        time.sleep(chance.uniform(0.0, 1.0))
        pair[victim].process.send_signal(signal.SIGTERM)
        since = time.monotonic()
        _succeed(pair)
        seconds.append(round(time.monotonic() - since, 1))
        assert processes.result(stopped, 0) == processes.result(stopped, 1)
    step = processes.result(stopped)["step"]
    assert step == _kept(stopped)
    straight, steps = folder / "straight", step + 4
    for workdir in (stopped, straight):
        _succeed(processes.start_several(folder, workdir, 2, steps=steps, fsdp=2, damaged=DAMAGED))
        _succeed(processes.start_several(folder, workdir, 1, steps=steps, fsdp=2))  # reads what the two have saved
    processes.check_same(straight, stopped)
    return {"seconds_from_signal_to_exit": seconds, "steps": steps, "bitwise": True}


def host_dies(folder: Path, kills: int, chance: random.Random) -> Found:
    """One of two processes is killed: how long the other one goes on, and what it says."""
    del kills
    found: Found = {}
    for victim in (1, 0):
        workdir = folder / str(victim)
        pair = processes.start_several(folder, workdir, 2, steps=LONG, fsdp=2, pause=0.01)
        _wait_for_step(workdir, 4)
        time.sleep(chance.uniform(0.0, 1.0))
        pair[victim].process.kill()
        since = time.monotonic()
        code = pair[1 - victim].wait()
        text = pair[1 - victim].text()
        seconds = round(time.monotonic() - since, 1)
        said = [each for each in ("another process is gone", "another task died") if each in text]
        assert said, text
        assert code != 0
        kept = _kept(workdir)
        _succeed(processes.start_several(folder, workdir, 2, steps=kept + 4, fsdp=2))
        assert processes.result(workdir)["first"] == kept
        found[f"process {victim} killed"] = {"other_ends_after_seconds": seconds, "exit_code": code, "says": said[0]}
    return found


def topologies(folder: Path, kills: int, chance: random.Random) -> Found:
    """1 -> 2 -> 4 -> 2 -> 1 processes of four devices in all, and one device; against one process all the time."""
    del kills, chance
    moved, straight, steps = folder / "moved", folder / "straight", 0
    for count in (1, 2, 4, 2, 1):
        steps += 8
        _succeed(processes.start_several(folder, moved, count, steps=steps, fsdp=2, damaged=DAMAGED))
        assert processes.result(moved)["first"] == steps - 8
    _succeed(processes.start_several(folder, straight, 1, steps=steps, fsdp=2, damaged=DAMAGED))
    _succeed([processes.start(folder, folder / "one", steps=steps, damaged=DAMAGED)])
    assert processes.order(moved) == processes.order(straight) == processes.order(folder / "one")
    assert processes.result(moved)["corrupt"] == processes.result(straight)["corrupt"]
    distances = {
        "1-2-4-2-1 processes against 1": processes.distance(moved, straight),
        "1 device against 4": processes.distance(folder / "one", straight),
    }
    assert max(distances.values()) < 1e-3, distances
    return {"steps": steps, "largest_difference": distances}


def damaged(folder: Path, kills: int, chance: random.Random) -> Found:
    """Each file of the newest checkpoint is damaged in every way; then a run goes on from the one before."""
    del kills, chance
    straight = folder / "straight"
    _succeed([processes.start(folder, straight, steps=8)])
    newest = straight / "checkpoints" / "00000008"
    state = None
    for name in damages.files(newest):
        for damage in damages.ALL.values():
            copy = shutil.copytree(straight / "checkpoints", folder / "copy")
            damage(copy / newest.name / name)
            restored, said = _restored(copy)
            assert "step 8 is damaged" in said
            assert name.name in said
            assert int(restored.step) == 4
            state = restored if state is None else state
            assert toy_gan.same(state, restored)
            shutil.rmtree(copy)
    again = shutil.copytree(straight, folder / "again")
    damages.flip(again / "checkpoints" / newest.name / damages.files(newest)[-1])
    _succeed([processes.start(folder, again, steps=8)])
    processes.check_same(straight, again)
    return {"files": len(damages.files(newest)), "ways": list(damages.ALL), "all_named": True, "bitwise": True}


def full_disk(folder: Path, kills: int, chance: random.Random) -> Found:
    """A file system that gets full, and is then made larger; needs `unshare`, else this scenario is left out."""
    del kills, chance
    straight, small = folder / "straight", folder / "small"
    _succeed([processes.start(folder, straight, steps=60, save_every=20)])
    small.mkdir()
    run = [*processes.command(small, steps=60, save_every=20)]
    script = """
        mount -t tmpfs -o size="$1" tmpfs "$2" || exit 77
        small="$2"; out="$3"; shift 3
        "$@" > "$out/said" 2>&1; echo $? > "$out/code"; ls "$small/checkpoints" > "$out/kept"
        mount -o remount,size=64m "$small"
        "$@" 2> "$out/again" && cp -r "$small" "$out/end"
    """
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", "200k", small, folder, *run]
    code = subprocess.run(command, cwd=processes.ROOT, env=processes.environment(folder), check=False).returncode
    if code == 77 or not (folder / "code").exists():
        return {"left_out": "no file system can be mounted here"}
    assert code == 0, (folder / "again").read_text()
    assert (folder / "code").read_text() == "2\n"
    said, kept = (folder / "said").read_text().splitlines()[-1], (folder / "kept").read_text().split()
    assert "could not be written" in said
    assert kept
    processes.check_same(straight, folder / "end")
    first = processes.result(folder / "end")["first"]
    assert first == int(kept[-1])
    return {"exit_code": 2, "kept": kept, "goes_on_from": first, "bitwise": True, "says": said.partition(": ")[2]}


def _restored(folder: Path) -> tuple[Any, str]:
    """Restores in this process; returns the state and what was logged."""
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("jaxanim").addHandler(handler)
    try:
        with Checkpoints(folder) as checkpoints:
            target = mesh.abstract(toy_gan.state, mesh.make_mesh(), toy_run.RULES)[0]
            restored = checkpoints.restore(target)
    finally:
        logging.getLogger("jaxanim").removeHandler(handler)
    assert restored is not None
    return restored.state, "\n".join(records)


def _succeed(started: list[processes.Process]) -> None:
    codes = processes.wait(started)
    assert not any(codes), (codes, started[0].text()[-3000:])


def _kept(workdir: Path) -> int:
    return max((int(name) for name in processes.saved(workdir) if name.isdecimal()), default=0)


def _wait_for_step(workdir: Path, step: int) -> None:
    end = time.monotonic() + processes.LIMIT
    while _kept(workdir) < step:
        assert time.monotonic() < end, f"there is no checkpoint of step {step}"
        time.sleep(0.05)


SCENARIOS: dict[str, Callable[[Path, int, random.Random], Found]] = {
    "killed": killed,
    "asked_to_stop": asked_to_stop,
    "host_dies": host_dies,
    "topologies": topologies,
    "damaged": damaged,
    "full_disk": full_disk,
}

if __name__ == "__main__":
    main()
