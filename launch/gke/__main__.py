"""Writes the JobSet manifest of a training on slices of TPUs; `kubectl apply -f -` starts it.

python -m launch.gke --name atw --topology v5e:16x16 --image IMAGE --claim CLAIM \
    --config configs/atw/small.py --workdir /training/atw [OPTIONS] [-- FURTHER FLAGS OF launch.train]
"""

import argparse
import sys
from collections.abc import Sequence

from jaxanim.core.errors import InputError
from launch.gke import manifest, slices


def main(arguments: Sequence[str]) -> int:
    """Prints the manifest, or one line that says why there is none."""
    parser = argparse.ArgumentParser(
        prog="python -m launch.gke", description=__doc__.split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--name", required=True, help="of the JobSet")
    parser.add_argument("--topology", required=True, help="slice of TPUs, such as v5e:16x16 or v5p:4x4x4")
    parser.add_argument("--image", required=True, help="container with this checkout as its working directory")
    parser.add_argument("--claim", required=True, help="PersistentVolumeClaim that all hosts can write to")
    parser.add_argument("--mount", default="/training", help="where the claim is mounted (default: /training)")
    parser.add_argument("--config", required=True, help="as of launch.train")
    parser.add_argument("--workdir", required=True, help="as of launch.train, below --mount")
    parser.add_argument("--slices", type=int, default=1, help="how many of them (default: 1)")
    parser.add_argument("--max_restarts", type=int, default=20, help="after preemptions and lost hosts (default: 20)")
    parser.add_argument("--grace", type=int, default=180, help="seconds to save in (default: 180)")
    parser.add_argument("--spot", action="store_true", help="on spot nodes, which may be preempted")
    parser.add_argument("--queue", help="local queue of Kueue to wait in")
    parser.add_argument("flags", nargs="*", metavar="-- FLAGS", help="further flags of launch.train")
    given = vars(parser.parse_args(arguments))
    try:
        chosen = slices.parse(given.pop("topology"))
        settings = manifest.Settings(slice=chosen, flags=tuple(given.pop("flags")), **given)
        sys.stdout.write(manifest.render(settings))
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
