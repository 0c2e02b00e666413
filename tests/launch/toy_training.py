"""A training of nothing, for a test of SLURM: counts, saves at SIGTERM, and notes when it is finished."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cluster", action="store_true", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    given = parser.parse_args()
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    process = os.environ["SLURM_PROCID"]
    saved = given.workdir / f"step_{process}"
    first = step = int(saved.read_text()) if saved.exists() else 0
    print(f"begun at {'zero' if first == 0 else 'a later step'}", flush=True)
    while step < given.steps and not told:
        time.sleep(0.05)
        step += 1
    saved.write_text(str(step))
    if step == given.steps and process == "0":
        (given.workdir / "finished.json").write_text("{}")
    sys.exit(0)


if __name__ == "__main__":
    main()
