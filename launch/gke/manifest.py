"""Fills in `jobset.yaml`. Values are written as JSON, which YAML reads as it is, so that nothing needs escaping."""

import dataclasses
import json
import re
from pathlib import Path, PurePosixPath
from string import Template

from jaxanim.core.errors import InputError
from launch.gke.slices import Slice

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 40  # JobSet adds to it, and host names end at 63 characters


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a JobSet is made from."""

    name: str
    slice: Slice
    image: str
    claim: str  # the PersistentVolumeClaim on which the work directory lies
    config: str
    workdir: str
    mount: str = "/training"
    slices: int = 1
    max_restarts: int = 20
    grace: int = 180  # seconds
    spot: bool = False
    queue: str | None = None  # of Kueue
    flags: tuple[str, ...] = ()  # further ones of launch.train


def render(settings: Settings) -> str:
    """Returns the manifest.

    Raises:
      InputError: Kubernetes would not take it, or the work directory would be lost with its pod.
    """
    _check(settings)
    selector = {
        "cloud.google.com/gke-tpu-accelerator": settings.slice.accelerator,
        "cloud.google.com/gke-tpu-topology": settings.slice.topology,
    }
    tolerations = [{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}]
    if settings.spot:
        selector["cloud.google.com/gke-spot"] = "true"
        spot = {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
        tolerations.append(spot)
    values = {
        "name": settings.name,
        "labels": {} if settings.queue is None else {"kueue.x-k8s.io/queue-name": settings.queue},
        "max_restarts": settings.max_restarts,
        "slices": settings.slices,
        "hosts": settings.slice.hosts,
        "chips": settings.slice.chips,
        "grace": settings.grace,
        "node_selector": selector,
        "tolerations": tolerations,
        "image": settings.image,
        "command": _command(settings),
        "mount": settings.mount,
        "claim": settings.claim,
    }
    template = Template((Path(__file__).parent / "jobset.yaml").read_text())
    _, _, manifest = template.template.partition("apiVersion:")
    written = {name: json.dumps(value) for name, value in values.items()}
    return Template("apiVersion:" + manifest).substitute(written)


def _command(settings: Settings) -> list[str]:
    given = ["--config", settings.config, "--workdir", settings.workdir, *settings.flags]
    # Kubernetes replaces $(NAME) in commands, and $$ stands for the sign itself
    given = [each.replace("$", "$$") for each in given]
    return ["python", "-m", "launch.preemptible", "--", "-m", "launch.train", "--cluster", *given]


def _check(settings: Settings) -> None:
    names = {"--name": settings.name, "--claim": settings.claim}
    if settings.queue is not None:
        names["--queue"] = settings.queue
    for flag, name in names.items():
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise InputError(
                f"{flag} {name}: up to {_LONGEST_NAME} lower-case letters, digits and dashes, beginning with a letter"
            )
    for flag, number, least in (
        ("--slices", settings.slices, 1),
        ("--max_restarts", settings.max_restarts, 0),
        ("--grace", settings.grace, 1),
    ):
        if number < least:
            raise InputError(f"{flag} {number}: at least {least}")
    if not settings.image or any(character.isspace() for character in settings.image):
        raise InputError(f"--image {settings.image!r}: expected the name of a container image")
    mount, workdir = PurePosixPath(settings.mount), PurePosixPath(settings.workdir)
    if not mount.is_absolute() or not workdir.is_relative_to(mount) or ".." in workdir.parts:
        raise InputError(f"--workdir {workdir}: must lie below --mount {mount}, or it is lost with the pod")
