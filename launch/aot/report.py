"""What was compiled as a line for people and a line of JSON."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jaxanim.core.errors import OutputError

Row = dict[str, Any]  # 'program', 'target', 'implementation', then the fields of a result, or 'error'
_MESSAGE = 400  # characters of an error that are printed; JSON has all of it


def line(row: Row) -> str:
    """Returns a row as one line."""
    head = f"{row['program']} {row['target']} {row['implementation']}"
    if "error" in row:
        return f"{head}: REFUSED: {' '.join(row['error'].split())[:_MESSAGE]}"
    facts = [f"{row['device_kind']} x {row['devices']}" if "devices" in row else row["device_kind"]]
    facts.append(f"{row['seconds']:.1f} s")
    if "triton_calls" in row:
        return f"{head}: lowered, not compiled, for {', '.join(facts)}, {row['triton_calls']} Triton kernels"
    sizes = (("arguments", "argument_bytes"), ("outputs", "output_bytes"), ("temporary", "temp_bytes"))
    facts += [f"{name} {megabytes(row[key])}" for name, key in (*sizes, ("code", "code_bytes"))]
    facts.append(f"{row['custom_calls']} kernels")
    if row["flops"] is not None:
        facts.append(f"{row['flops']:.3g} FLOP")
    moved = f"{megabytes(row['main_memory_bytes'])} moved"
    facts.append(f"{moved} = {row['traffic']:.1f} x minimum" if "traffic" in row else moved)
    exchanges = [f"{count} {name}" for name, count in row["collectives"].items()]
    facts.append(f"exchanges: {', '.join(exchanges) or 'none'}")
    if row["devices"] > 1 and "all-gather" not in row["collectives"]:
        facts.append("no all-gather")
    return f"{head}: {', '.join(facts)}"


def megabytes(count: float) -> str:
    """Returns bytes in millions."""
    return f"{count / 1e6:.1f} MB"


def write(rows: Iterable[Row], path: Path | None, show: Callable[[Row], str] = line) -> bool:
    """Prints and writes each row as soon as it is there, and returns whether none has an error.

    Raises:
      OutputError: the file cannot be written.
    """
    fine = True
    if path is not None:
        _append(path, "", "w")
    for row in rows:
        print(show(row), flush=True)
        if path is not None:
            _append(path, json.dumps(row) + "\n", "a")
        fine = fine and "error" not in row
    return fine


def _append(path: Path, text: str, mode: str) -> None:
    try:
        with open(path, mode) as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
