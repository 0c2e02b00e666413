"""Checkpoints that are written in the background, all or nothing, and believed only when every byte is as it was.

    WORKDIR/00001200/state/...       arrays, written by Orbax
                     run.json        step, position in the data, config, score, names and shapes of the arrays
                     manifest.json   SHA-256 of every other file

The folder has the name `00001200.partial` until all of it is on the disk, and again from when it is being removed; the
next run sweeps such folders away. So a run that is killed at any moment leaves its last complete checkpoint. A damaged
one is renamed to `00001200.damaged`, with a warning that names the file, and the one before it is used. Folders of any
other name are not ours: nothing is touched, and an error says so. All hosts see one file system; the first process does
what is done once.
"""

import contextlib
import dataclasses
import json
import logging
import shutil
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from jaxanim.core.errors import OutputError, WeightsError
from jaxanim.train import hosts, manifest
from jaxanim.train.state import TrainState

_LOG = logging.getLogger(__name__)
_PARTIAL, _DAMAGED = ".partial", ".damaged"
Better = Literal["lower", "higher"]


@dataclasses.dataclass(frozen=True)
class Restored:
    """What a checkpoint holds.

    Attributes:
      state: on the devices it was asked for.
      position: where the data goes on, as it was saved.
      config: as it was saved.
    """

    state: TrainState
    position: dict[str, Any]
    config: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run; close it, or use it in a `with` statement, so that the last one gets finished.

    Args:
      folder: of this run alone.
      keep_last: how many of the newest stay.
      keep_best: how many of the best stay besides, of those that were saved with a score.
      better: which scores are better.
    """

    def __init__(self, folder: Path, *, keep_last: int = 2, keep_best: int = 0, better: Better = "lower"):
        if keep_last < 1 or keep_best < 0:
            raise ValueError(f"keep_last must be positive and keep_best not negative, got {keep_last}, {keep_best}")
        self._folder, self._keep_last, self._keep_best = folder.absolute(), keep_last, keep_best
        self._sign = 1.0 if better == "lower" else -1.0
        self._writer = ocp.AsyncCheckpointer(ocp.StandardCheckpointHandler())
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"there can be no checkpoints in {self._folder}: {error.strerror}") from error
        self._refuse_foreign()
        hosts.meet("checkpoints looked at")
        if jax.process_index() == 0:
            for left in self._folder.glob(f"*{_PARTIAL}"):
                shutil.rmtree(left)
        hosts.meet("checkpoints opened")

    def steps(self) -> list[int]:
        """Returns the steps of which there are complete checkpoints, oldest first; their bytes are not looked at."""
        return sorted(int(path.name) for path in self._folder.iterdir() if _is_step(path.name))

    def save(
        self,
        state: TrainState,
        *,
        position: dict[str, Any],
        config: dict[str, Any],
        score: float | None = None,
    ) -> None:
        """Starts to write a checkpoint; the state may be donated as soon as this returns. All processes call it.

        A complete checkpoint of the same step stays as it is: a step has one state.

        Args:
          state: to save; numbers that are not finite are refused.
          position: where the data goes on, anything that JSON can hold.
          config: of the run, anything that JSON can hold.
          score: how good the state is, where the best are kept.
        """
        self.wait()
        step = int(state.step)
        if not bool(_is_finite((state.params, state.average))):
            raise ValueError(f"the parameters of step {step} are not finite: they are not saved")
        path = self._path(step)
        run = {"step": step, "position": position, "config": config, "score": score, "arrays": _shapes(state)}
        text = json.dumps(run)
        if hosts.agreed(step in self.steps()):
            return
        try:
            if jax.process_index() == 0:
                _partial(path).mkdir()
            hosts.meet(f"checkpoint {step} begun")
            self._writer.save(_partial(path) / "state", args=ocp.args.StandardSave(state))
        except Exception as error:
            raise self._failed(path, error) from error
        self._thread = threading.Thread(target=self._finish, args=(path, text), name=f"checkpoint {step}")
        self._thread.start()

    def check(self) -> None:
        """Raises if the checkpoint that is being written is known to have failed; waits for nothing."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def wait(self) -> None:
        """Waits until the checkpoint that is being written is complete; raises if it could not be written.

        All processes call it: it is complete when the first one has made it count.
        """
        if self._join():
            hosts.meet("checkpoint complete")

    def restore(self, target: TrainState) -> Restored | None:
        """Returns the newest sound checkpoint, or None where none was ever saved. All processes call it.

        Args:
          target: shapes, types and shardings that the state shall have (`jax.ShapeDtypeStruct`s or arrays). They
            need not be those it was saved with: the mesh and the number of processes may have changed.
        """
        self.wait()
        step = self._newest_sound()
        if step is None:
            return None
        path = self._path(step)
        run = json.loads((path / "run.json").read_text())
        _check_arrays(path, run["arrays"], _shapes(target))
        abstract = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), target)
        state = self._writer.restore(path / "state", args=ocp.args.StandardRestore(abstract))
        return Restored(state, run["position"], run["config"])

    def close(self) -> None:
        """Finishes what is being written."""
        try:
            self._join()
        finally:
            with contextlib.suppress(Exception):  # what failed was raised already, as an error that says what it means
                self._writer.close()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _join(self) -> bool:
        """Waits for this process's part of the checkpoint that is being written; returns whether there was one."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self.check()
        return thread is not None

    def _finish(self, path: Path, run: str) -> None:
        """Waits for the arrays, then makes the checkpoint count and removes those that are too old."""
        try:
            self._writer.wait_until_finished()
            if jax.process_index() == 0:
                (_partial(path) / "run.json").write_text(run)
                manifest.write(_partial(path))
                _partial(path).rename(path)
                manifest.sync_folder(self._folder)
                self._remove_old()
        except Exception as error:  # whatever it is, the next call reports it
            self._failure = self._failed(path, error)

    def _failed(self, path: Path, error: Exception) -> Exception:
        """Returns what to raise when a checkpoint could not be written, and gives back the space that it took."""
        if hosts.lost(error):
            return hosts.HostLostError(f"the checkpoint {path} could not be finished without the other processes")
        if isinstance(error, OutputError):  # the checkpoint is whole
            return error
        if jax.process_index() == 0:
            shutil.rmtree(_partial(path), ignore_errors=True)
        return OutputError(f"the checkpoint {path} could not be written, those before it stay: {error}")

    def _remove_old(self) -> None:
        steps = self.steps()
        scores = {step: self._score(step) for step in steps} if self._keep_best else {}
        best = sorted((self._sign * score, -step) for step, score in scores.items() if score is not None)
        kept = {*steps[-self._keep_last :], *(-step for _, step in best[: self._keep_best])}
        for step in sorted(set(steps) - kept):
            path = self._path(step)
            try:
                path.rename(_partial(path))  # first: a checkpoint that is half removed does not count
                shutil.rmtree(_partial(path))
            except OSError as error:
                raise OutputError(f"the old checkpoint {path} could not be removed: {error}") from error

    def _score(self, step: int) -> float | None:
        try:
            return json.loads((self._path(step) / "run.json").read_text())["score"]
        except (OSError, ValueError, KeyError):  # damaged: it is not among the best
            return None

    def _path(self, step: int) -> Path:
        return self._folder / f"{step:08d}"

    def _refuse_foreign(self) -> None:
        """Raises where there is anything that a run of this version did not write."""
        folders = [path for path in self._folder.iterdir() if path.is_dir()]
        for path in sorted(folders):
            if not _is_step(path.name.removesuffix(_PARTIAL).removesuffix(_DAMAGED)):
                raise WeightsError(f"{path} is no checkpoint of a run; give the run a folder of its own")
            if not path.suffix and not any((path / name).exists() for name in (manifest.NAME, "run.json")):
                raise WeightsError(f"{path} is no checkpoint: it has neither {manifest.NAME} nor run.json")
            if not path.suffix:
                manifest.check_format(path)

    def _newest_sound(self) -> int | None:
        """Verifies checkpoints from the newest on, in the first process; renames what is damaged."""
        found = -1
        steps = self.steps()
        if jax.process_index() == 0:
            for step in reversed(steps):
                path = self._path(step)
                damage = manifest.damage(path)
                if damage is None:
                    found = step
                    break
                _LOG.warning("checkpoint of step %d is damaged (%s): the one before it is used", step, damage)
                aside = path.with_name(f"{path.name}{_DAMAGED}")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
        found = hosts.agreed(found)
        if found < 0 and any(self._folder.glob(f"*{_DAMAGED}")):
            raise WeightsError(
                f"every checkpoint in {self._folder} is damaged; remove the folder to start from the beginning"
            )
        return None if found < 0 else found


@jax.jit
def _is_finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}{_PARTIAL}")


def _is_step(name: str) -> bool:
    return name.isdecimal() and len(name) >= 8


def _shapes(state: TrainState) -> dict[str, str]:
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}


def _check_arrays(path: Path, saved: dict[str, str], wanted: dict[str, str]) -> None:
    """Raises, naming a few arrays, unless a checkpoint holds exactly what is wanted."""
    if saved == wanted:
        return
    differ = sorted(name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name))
    shown = "; ".join(f"{name}: saved {saved.get(name)}, wanted {wanted.get(name)}" for name in differ[:4])
    raise WeightsError(f"{path} belongs to another model or optimizer: {len(differ)} arrays differ. {shown}")
