"""Reads a configuration file and what the command line changes in it, as `launch.train` does with its flags."""

from collections.abc import Sequence
from pathlib import Path

import ml_collections
from absl import flags
from ml_collections import config_flags

from jaxanim.core.errors import InputError


def read(path: Path, changes: Sequence[str]) -> ml_collections.ConfigDict:
    """Returns the settings of a file.

    Args:
      path: a file with `get_config()`.
      changes: as on the command line, such as '--config.batch_size=2560'; entries that are not there are refused.

    Raises:
      InputError: the file cannot be read, or a change does not fit it.
    """
    if not path.is_file():
        raise InputError(f"--config {path}: there is no such file")
    arguments = ["launch.aot", f"--config={path}", *changes]
    found = flags.FlagValues()  # not absl's global ones: those belong to the program that is run
    holder = config_flags.DEFINE_config_file("config", flag_values=found, sys_argv=arguments, lock_config=True)
    try:
        rest = found(arguments)
        config = holder.value
        config.system  # a file that could not be loaded complains when it is looked into  # noqa: B018
    except (flags.Error, OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, SyntaxError) as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise InputError(f"--config {path}: {reason.strip()}") from error
    if len(rest) > 1:
        raise InputError(f"--config {path}: unknown arguments {' '.join(rest[1:])}")
    return config
