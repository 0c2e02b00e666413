"""Two real processes with two devices each put one global batch on a mesh, from a step in the middle."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.data import two_hosts

ROOT = Path(__file__).parents[2]


def test_two_processes_share_one_global_batch(tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", two_hosts.__name__]
    hosts = [
        subprocess.Popen([*command, str(index), "2", str(port), str(tmp_path / f"{index}.json")], cwd=ROOT)
        for index in range(2)
    ]
    try:
        assert [host.wait(timeout=100) for host in hosts] == [0, 0]
    finally:
        for host in hosts:
            host.kill()
    found = [json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2)]
    whole = two_hosts.loader(None)
    for step in range(two_hosts.STEPS):
        first, second = (lines[step] for lines in found)
        want = whole.global_batch(two_hosts.FIRST_STEP + step)["number"]
        assert (first["rows"], second["rows"]) == ([0, 4], [4, 8])
        assert first["numbers"] + second["numbers"] == want.tolist()
        assert first["total"] == second["total"] == int((want * np.arange(1, 9)).sum())  # each row in its place
