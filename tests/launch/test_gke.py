"""The manifest for Kubernetes: it is a JobSet, it asks for what the slice has, and wrong options are refused."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from launch.gke import __main__ as command_line
from launch.gke import slices

SCHEMA = json.loads((Path(__file__).parent / "jobset_schema.json").read_text())
NEEDED = {
    "--name": "atw",
    "--topology": "v5e:16x16",
    "--image": "a/b:c",
    "--claim": "disk",
    "--config": "configs/atw/small.py",
    "--workdir": "/training/atw",
}


def render(capsys, *more, **changed):
    """Runs the command and returns its exit code, the manifest, and what it said on stderr."""
    given = {**NEEDED, **{f"--{name}": value for name, value in changed.items()}}
    arguments = [word for pair in given.items() for word in pair if None not in pair]
    try:
        code = command_line.main([*arguments, *more])
    except SystemExit as error:  # argparse
        code = error.code
    out, err = capsys.readouterr()
    return code, yaml.safe_load(out) if code == 0 else out, err


def check(manifest):
    jsonschema.validate(manifest, SCHEMA, cls=jsonschema.Draft202012Validator)
    (job,) = manifest["spec"]["replicatedJobs"]
    return job, job["template"]["spec"], job["template"]["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("topology", "accelerator", "hosts", "chips"),
    [
        ("v5e:16x16", "tpu-v5-lite-podslice", 64, 4),
        ("v5e:2x2", "tpu-v5-lite-podslice", 1, 4),
        ("v6e:1x1", "tpu-v6e-slice", 1, 1),
        ("v6e:4x8", "tpu-v6e-slice", 8, 4),
        ("v4:2x2x4", "tpu-v4-podslice", 4, 4),
        ("v5p:4x4x16", "tpu-v5p-slice", 64, 4),
        ("tpu7x:4x4x8", "tpu7x", 32, 4),
    ],
)
def test_a_slice_is_asked_for_host_by_host(capsys, topology, accelerator, hosts, chips):
    code, manifest, _ = render(capsys, topology=topology)
    assert code == 0
    job, spec, pod = check(manifest)
    assert (job["replicas"], spec["parallelism"], spec["completions"]) == (1, hosts, hosts)
    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": accelerator,
        "cloud.google.com/gke-tpu-topology": topology.partition(":")[2],
    }
    assert pod["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}


def test_every_option_arrives_as_it_was_given(capsys):
    odd = '--config.note=it\'s "two" words: $HOME, {}, #3'
    options = ["--slices", "2", "--max_restarts", "0", "--grace", "60", "--spot", "--queue", "team"]
    code, manifest, _ = render(capsys, *options, "--mount", "/data", "--", odd, workdir="/data/a b")
    assert code == 0
    job, _, pod = check(manifest)
    assert manifest["metadata"]["name"] == "atw"
    assert manifest["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "team"}
    assert manifest["spec"]["failurePolicy"]["maxRestarts"] == 0
    assert job["replicas"] == 2
    assert pod["terminationGracePeriodSeconds"] == 60
    assert pod["nodeSelector"]["cloud.google.com/gke-spot"] == "true"
    assert {"cloud.google.com/gke-spot", "google.com/tpu"} == {each["key"] for each in pod["tolerations"]}
    (container,) = pod["containers"]
    assert container["image"] == "a/b:c"
    start = ["python", "-m", "launch.preemptible", "--", "-m", "launch.train", "--cluster"]
    flags = ["--config", "configs/atw/small.py", "--workdir", "/data/a b", odd.replace("$", "$$")]
    assert container["command"] == [*start, *flags]
    assert container["volumeMounts"][0] == {"name": "work", "mountPath": "/data"}
    assert pod["volumes"][0] == {"name": "work", "persistentVolumeClaim": {"claimName": "disk"}}


def test_errors_of_the_training_fail_the_set_and_all_else_starts_it_again(capsys):
    _, manifest, _ = render(capsys)
    _, spec, pod = check(manifest)
    (rule,) = spec["podFailurePolicy"]["rules"]
    codes = {"containerName": pod["containers"][0]["name"], "operator": "In", "values": [1, 2, 3]}
    assert rule == {"action": "FailJob", "onExitCodes": codes}
    assert manifest["spec"]["failurePolicy"] == {
        "maxRestarts": 20,
        "rules": [{"action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}],
    }
    assert spec["backoffLimit"] == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"topology": "v5e"}, "expected KIND:SHAPE"),
        ({"topology": "v9:2x2"}, "kinds are v4, v5e"),
        ({"topology": "v5e:3x3"}, "v5e comes in 1x1, 2x2"),
        ({"topology": "v5e:4x4x4"}, "v5e comes in 1x1, 2x2"),
        ({"topology": "v5p:8x4x4"}, "rising multiples of 4"),
        ({"topology": "v5p:4x4"}, "rising multiples of 4"),
        ({"topology": "v5p:4x4x-4"}, "rising multiples of 4"),
        ({"name": "A_W"}, "--name A_W: up to 40"),
        ({"name": "a" * 41}, "up to 40"),
        ({"claim": "my disk"}, "--claim my disk"),
        ({"queue": "Q"}, "--queue Q"),
        ({"image": "a b"}, "--image 'a b'"),
        ({"workdir": "/tmp/x"}, "must lie below --mount /training"),
        ({"workdir": "/training/../tmp"}, "must lie below --mount /training"),
        ({"slices": "0"}, "--slices 0: at least 1"),
        ({"slices": "two"}, "invalid int value: 'two'"),
        ({"max_restarts": "-1"}, "--max_restarts -1: at least 0"),
        ({"grace": "0"}, "--grace 0: at least 1"),
        ({"image": None}, "the following arguments are required: --image"),
        ({"hosts": "3"}, "unrecognized arguments: --hosts"),
        ({"max": "3"}, "unrecognized arguments: --max"),
    ],
    ids=str,
)
def test_bad_options_are_refused(capsys, changed, said):
    code, out, err = render(capsys, **changed)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_the_schema_refuses_what_kubernetes_would(capsys):
    _, manifest, _ = render(capsys)
    for path, value in (
        (("spec", "failurePolicy", "maxRestarts"), "many"),
        (("spec", "replicatedJobs", 0, "template", "spec", "template", "spec", "restartPolicy"), "OnFailure"),
        (("spec", "replicatedJobs", 0, "template", "spec", "typo"), 1),
    ):
        broken = json.loads(json.dumps(manifest))
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            check(broken)


def test_hosts_and_chips_of_every_flat_slice():
    for topology in ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"):
        wide, high = map(int, topology.split("x"))
        found = slices.parse(f"v5e:{topology}")
        assert found.hosts * found.chips == wide * high
