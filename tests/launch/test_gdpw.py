"""Training GDPW at toy size: networks that a run leaves, over interruptions and devices, and what is refused."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
from jax.experimental.compilation_cache import compilation_cache

from configs.gdpw import small
from data_pipelines.procedural_faces.talks import TalksRecipe
from jaxanim.animate import heads
from jaxanim.core.errors import InputError
from jaxanim.core.system import PosedImage
from jaxanim.data import place
from jaxanim.geometry import open_head, projected
from jaxanim.geometry.morphable import FaceParameters
from jaxanim.systems.gdpw import files
from jaxanim.train import averages
from jaxanim.train import mesh as meshes
from jaxanim.train.checkpoint import Checkpoints
from jaxanim.train.stopper import Stopper
from launch import training
from launch.jobs.gdpw_held import HeldHeads
from tests.launch import drawn_noise
from tests.train import toy_gan

SIZE, BATCH, PAIRS = 32, 4, 8
TINY = {
    **{"size": SIZE, "levels": 2, "width": 4, "widest": 8, "code_size": 2, "critic_width": 4},
    **{"guidance": "both", "flow_gain": 10.0},
}


@pytest.fixture(autouse=True, scope="module")
def _compile_once(tmp_path_factory):
    """Small programs compile fast rather than run fast; what one run has compiled serves the others."""
    settings_of_cache = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
        "jax_disable_most_optimizations": True,
    }
    before = {name: jax.config.values[name] for name in settings_of_cache}
    for name, value in settings_of_cache.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(autouse=True)
def _as_programs_run(monkeypatch):
    """On one device, which compiles faster, with few held-out pairs; strict promotion is for our own code."""
    make_mesh = meshes.make_mesh
    monkeypatch.setattr(meshes, "make_mesh", lambda fsdp: make_mesh(fsdp=fsdp, devices=jax.devices()[:1]))
    monkeypatch.setattr(HeldHeads, "of_folder", functools.partial(HeldHeads.of_folder, count=PAIRS))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def posed(rng):
    """Returns parameters of a head that fills most of the picture."""
    return {
        "identity": rng.normal(size=60).astype(np.float32),
        "expression": (0.5 * rng.random(52)).astype(np.float32),
        "rotations": rng.uniform(-0.2, 0.2, (5, 3)).astype(np.float32),
        "camera": np.array([100.0, 16.0, 16.0, 1.0], np.float32),
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Noise in the form of people who talk."""
    folder, rng = tmp_path_factory.mktemp("talks"), np.random.default_rng(0)
    rows = []
    for clip in range(6):
        for frame in range(3):
            points = rng.uniform(8, 24, (68, 2)).astype(np.float32)
            record = {"image": drawn_noise.picture(rng, SIZE), "landmarks_68": points, **posed(rng)}
            split = "validation" if clip == 5 else "train"
            rows.append((record, {"person": clip, "clip": clip, "frame": frame, "split": split}))
    return drawn_noise.write(folder, "talking_heads", TalksRecipe.fields, rows)


def configuration(data, **changes):
    config = small.get_config()
    config.update({"steps": 3, "batch_size": BATCH, "log_every": 1, "save_every": 0, "sheet_every": 3})
    flat = {f"design.{name}": value for name, value in TINY.items()}
    flat |= {"objective.adversary": "least_squares", "optimizer.warm_steps": 0, "data.folder": str(data)}
    config.update_from_flattened_dict(flat | changes)
    return config.lock()


def batch_of(job, seed=0):
    """Returns noise, with heads that are seen."""
    rng = np.random.default_rng(seed)
    roles = ("source", "driving")
    rows = [{f"{role}_{name}": each for role in roles for name, each in posed(rng).items()} for _ in range(BATCH)]
    batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    for role in roles:
        batch[f"{role}_image"] = rng.integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
    assert {name: array.shape for name, array in batch.items()} == {n: s.shape for n, s in job.batch.items()}
    return batch


def final_state(config, workdir):
    target, _ = meshes.abstract(training.make_state(training.make_job(config), config.seed), meshes.make_mesh(fsdp=1))
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        return checkpoints.restore(target).state


def test_a_run_leaves_networks_numbers_and_sheets_and_goes_on_bit_for_bit(data, tmp_path, monkeypatch):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert training.run(configuration(data), straight)
    with monkeypatch.context() as patch:
        patch.setattr(Stopper, "reached", lambda self, step: step == 2)
        assert not training.run(configuration(data), stopped)
    assert training.run(configuration(data), stopped)
    first, second = (final_state(configuration(data), folder) for folder in (straight, stopped))
    assert toy_gan.same(first, second)  # parameters, statistics of norms, moments of Adam
    assert (int(first.step), int(first.skipped)) == (3, 0)
    _check_numbers(straight)
    _check_file(straight / training.TRAINED, first)


def _check_numbers(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    (held,) = [row for row in rows if "held/psnr" in row]
    assert held["step"] == 3
    assert held["held/score"] == pytest.approx(held["held/psnr"] - held["held/psnr_of_copy"])
    assert 0 < held["held/psnr_face"] < 30
    assert held["held/psnr_face_warped"] > 0
    trained = {name for row in rows for name in row}
    assert {"generator/warp_adversarial", "generator/face_pixel", "discriminator/critic_warped"} <= trained
    sheet = np.asarray(PIL.Image.open(workdir / "sheets" / "sheet_00000003.png"))
    assert sheet.shape == (6 * SIZE, 4 * SIZE, 3)


def _check_file(path, state):
    """The file has what was trained, and drives heads; a folded one is trained on as what it was."""
    card, design, variables = files.read_gdpw(path)
    assert "3 steps on talking_heads" in card.source
    assert (design.vertices, design.size, set(variables["stats"])) == (6128, SIZE, {"generator", "discriminator"})
    for kind in ("params", "stats"):
        assert toy_gan.same(variables[kind], getattr(state, kind))
    model, row = heads.read_gdpw(path), posed(np.random.default_rng(1))
    face = FaceParameters(*(jnp.asarray(row[name]) for name in ("identity", "expression", "rotations")))

    @jax.jit
    def run(variables, face, camera):
        mesh = projected.vertices_ndc(open_head.load_open_head(), face, camera, size=SIZE)
        code = model.system.encode_source(variables, PosedImage(jnp.zeros((SIZE, SIZE, 3)), mesh))
        return model.system.render(variables, code, mesh.reshape(1, -1))

    frame = run({kind: variables[kind] for kind in ("params", "stats")}, face, jnp.asarray(row["camera"]))
    assert np.isfinite(frame.image).all()
    assert 0.2 < frame.mask.mean() < 0.9
    folded = path.with_name("folded.safetensors")
    files.write_gdpw(folded, card, design, files.fold_generator(variables))
    config = configuration(path.parent, start_from=str(folded))
    again = training.make_job(config).init(jax.random.key(0))
    made = files.fold_generator(again)["params"]["generator"], files.fold_generator(variables)["params"]["generator"]
    jax.tree.map(assert_is_a_share, *made)
    assert jax.tree.structure(again["stats"]) == jax.tree.structure(dict(variables["stats"]))


def assert_is_a_share(kernel, folded):
    """After three steps the vectors say norms that are too small, so that folded kernels have norms above 1, not 1."""
    share = np.linalg.norm(kernel) / max(np.linalg.norm(folded), 1e-9)
    np.testing.assert_allclose(kernel, share * folded, atol=1e-4)
    assert not np.any(folded) or 0.5 < share < 1.001


def stepped(config, grid, weights=None):
    """Returns the state before and after a step on some devices, and what the step measured."""
    job = training.make_job(config)
    state, shardings = meshes.born_sharded(training.make_state(job, config.seed), grid)
    before, step = toy_gan.plain(state), training.make_step(job, config, shardings)
    batch = place(batch_of(job), meshes.batch_sharding(grid, BATCH), BATCH)
    with jax.set_mesh(grid):
        state, measured = step(state, batch, weights or job.weights(0), job.frozen)
    return before, toy_gan.plain(state), averages.fetch(measured)


def test_norms_look_at_the_whole_batch_of_four_devices(data):
    config = configuration(data, **{"objective.adversary": "none"})
    one, four = (
        stepped(config, jax.sharding.Mesh(np.array(jax.devices()[:n]).reshape(n, 1), ("data", "fsdp"))) for n in (1, 4)
    )
    assert one[2].keys() == four[2].keys()
    for name, value in one[2].items():
        assert four[2][name] == pytest.approx(value, rel=1e-3), name
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), one[1].stats, four[1].stats)
    assert not toy_gan.same(one[0].stats["generator"], one[1].stats["generator"])
    assert toy_gan.same(one[0].params["discriminator"], one[1].params["discriminator"])
    rate = config.optimizer.learning_rate  # as far as Adam goes in a first step, whatever the gradient
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2.1 * rate),
        one[1].params["generator"],
        four[1].params["generator"],
    )


@pytest.mark.sweep  # test_objectives holds it for the losses
def test_each_network_learns_in_its_own_turn_alone(data):
    """Without weights the generator has nothing to learn; what the discriminator asks for has none."""
    config = configuration(data)
    nothing = {name: dict.fromkeys(each, jnp.float32(0)) for name, each in training.make_job(config).weights(0).items()}
    before, after, measured = stepped(config, meshes.make_mesh(fsdp=1), nothing)
    assert measured["generator/pixel"] > 0
    assert toy_gan.same(before.params["generator"], after.params["generator"])
    for kind in ("params", "stats"):
        assert not toy_gan.same(getattr(before, kind)["discriminator"], getattr(after, kind)["discriminator"])
    assert not toy_gan.same(before.stats["generator"], after.stats["generator"])


@pytest.mark.sweep
def test_a_batch_of_bfloat16_in_parts(data):
    config = configuration(data, **{"objective.adversary": "none", "compute_dtype": "bfloat16", "accumulate": 2})
    before, after, measured = stepped(config, meshes.make_mesh(fsdp=1))
    assert measured["generator/skipped"] == 0
    assert all(np.isfinite(value) for value in measured.values())
    assert not toy_gan.same(before.params["generator"], after.params["generator"])
    assert {leaf.dtype for leaf in jax.tree.leaves((after.params, after.stats))} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.kind": "posed_meshes"}, "need FLAME's triangles: config.model"),
        ({"model": "generic_model.pkl"}, "leave config.model empty"),
        ({"objective.features": "vgg19", "design.size": 128}, "'vgg19' needs config.features_from"),
        ({"features_from": "vgg19.pth"}, "do not take it; got 'none' and 'vgg19.pth'"),
        ({"objective.features": "random"}, "down to 1/8 of the side.*size=32"),
        ({"design.vertices": 5023}, "design.vertices is 5023, the model has 6128"),
        ({"design.guidance": "nothing"}, "^design: "),
        ({"data.kind": "snapshots"}, "kind must be one of talking_heads"),
        ({"optimizer.drops": (1,)}, "in steps or along a cosine"),
        ({"data.jitter": 1.0}, "jitter must be"),
    ],
)
def test_what_is_refused(data, changes, said):
    with pytest.raises(InputError, match=said):
        training.make_job(configuration(data, **changes))
