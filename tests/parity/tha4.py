"""Parity entries of THA4: seven networks, two pipelines, and the two distillation losses with their gradients."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxanim.nn.apply import apply
from jaxanim.systems.tha4 import FullSystem, Student, files, networks, objectives, weights
from jaxanim.weights import name_table
from tests.parity import goldens
from tests.parity.goldens import Deviation

Golden = Mapping[str, Any]
Report = dict[str, Deviation]

LAYERS = {
    "eyebrow_layer": "eyebrow_layer",
    "eyebrow_layer_alpha": "eyebrow_layer_alpha",
    "eyebrow_layer_color_change": "eyebrow_layer_color",
    "background_layer": "background_layer",
    "background_layer_alpha": "background_layer_alpha",
    "background_layer_color_change": "background_layer_color",
}
EYEBROW = {
    "eyebrow_image": "image_with_combine_alpha",
    "combine_alpha": "combine_alpha",
    "eyebrow_image_no_combine_alpha": "image",
    "morphed_eyebrow_layer": "layer",
    "morphed_eyebrow_layer_alpha": "layer_alpha",
    "morphed_eyebrow_layer_color_change": "layer_color",
    "warped_eyebrow_layer": "warped_layer",
    "morphed_eyebrow_layer_grid_change": "flow_ndc",
}
FACE = {
    "output_image": "image",
    "eye_alpha": "eye_alpha",
    "eye_color_change": "eye_color",
    "iris_mouth_image_1": "repainted",
    "iris_mouth_alpha": "iris_mouth_alpha",
    "iris_mouth_color_change": "iris_mouth_color",
    "iris_mouth_image_0": "moved",
    "iris_mouth_grid_change": "flow_ndc",
}
TEACHER = {"merged": "image", "alpha": "alpha", "warped": "warped", "grid_change": "flow_ndc", "direct": "color"}
STUDENT = {"blended": "image", "alpha": "alpha", "color_change": "color", "warped": "warped", "grid_change": "flow_ndc"}

# Relative; the official float32 losses agree with ours to 7 digits, gradient norms to 5e-4.
LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 3e-3


def _named(result: Any, fields: Mapping[str, str], prefix: str = "") -> dict[str, np.ndarray]:
    return {prefix + official: np.asarray(getattr(result, field)) for official, field in fields.items()}


def _run(module: Any, table: name_table.Table, checkpoint: Path, *inputs: Any) -> Any:
    template = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    params = name_table.apply(table, goldens.read_checkpoint(checkpoint), template, what=str(checkpoint))
    return jax.jit(lambda params, *inputs: apply(module, params, *inputs))(params, *inputs)


def eyebrow_decomposer(checkpoint: Path, golden: Golden) -> Report:
    image = goldens.image(golden, "image")
    result = _run(networks.EyebrowDecomposer(), weights.eyebrow_decomposer(), checkpoint, image)
    return goldens.compare(golden, _named(result, LAYERS))


def eyebrow_morphing_combiner(checkpoint: Path, golden: Golden) -> Report:
    background, eyebrow = goldens.image(golden, "background_layer"), goldens.image(golden, "eyebrow_layer")
    table, module = weights.eyebrow_morphing_combiner(), networks.EyebrowMorphingCombiner()
    return goldens.compare(
        golden, _named(_run(module, table, checkpoint, background, eyebrow, golden["in_pose"]), EYEBROW)
    )


def face_morpher(checkpoint: Path, golden: Golden) -> Report:
    image, pose = goldens.image(golden, "image"), golden["in_pose"]
    result = _run(networks.FaceMorpher(), weights.face_morpher(), checkpoint, image, pose)
    return goldens.compare(golden, _named(result, FACE))


def body_morpher(checkpoint: Path, golden: Golden) -> Report:
    image, pose = goldens.image(golden, "image"), golden["in_pose"]
    result = _run(networks.BodyMorpher(), weights.body_morpher(), checkpoint, image, pose)
    return goldens.compare(golden, _named(result, TEACHER))


def upscaler(checkpoint: Path, golden: Golden) -> Report:
    coarse = _twice(goldens.image(golden, "coarse_posed_image_256"))
    flow = (golden["in_coarse_grid_change_256_u8"].astype(np.float32) - 128) / 512
    inputs = (goldens.image(golden, "rest_image"), coarse, _twice(flow.transpose(0, 2, 3, 1)), golden["in_pose"])
    return goldens.compare(golden, _named(_run(networks.Upscaler(), weights.upscaler(), checkpoint, *inputs), TEACHER))


def _twice(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=1).repeat(2, axis=2)


def student_face_morpher(checkpoint: Path, golden: Golden) -> Report:
    positions = networks.student_positions()[0]
    image = _run(networks.StudentFace(), weights.student_face(), checkpoint, positions, golden["in_pose"])
    return goldens.compare(golden, {"image": np.asarray(image)})


def student_body_morpher(checkpoint: Path, golden: Golden) -> Report:
    inputs = (goldens.image(golden, "image"), golden["in_pose"], networks.student_positions())
    result = _run(networks.StudentBody(), weights.student_body(), checkpoint, *inputs)
    return goldens.compare(golden, _named(result, STUDENT))


def _read_system(folder: Path, tables: Mapping[str, name_table.Table], prefix: str, system: Any) -> Any:
    template = jax.eval_shape(system.init, jax.random.key(0))["params"]
    params = {}
    for name, table in tables.items():
        found = [folder / f"{prefix}{name}{suffix}" for suffix in (".npz", ".pt")]
        path = next((path for path in found if path.is_file()), found[0])
        params[name] = name_table.apply(table, goldens.read_checkpoint(path), template[name], what=str(path))
    return {"params": params}


def mode_07(folder: Path, golden: Golden) -> Report:
    """The full system, rendered as users do (eyebrows taken off once, time branch folded)."""
    system = FullSystem()
    variables = _read_system(folder, files.FULL_TABLES, "", system)
    code = system.encode_source(variables, jnp.asarray(goldens.image(golden, "image")[0]))
    frame = jax.jit(system.render)(variables, code, jnp.asarray(golden["in_pose"]))
    outputs = {"face_morphed_full": np.asarray(frame.face_morphed)}
    outputs |= _named(frame.upscaled, TEACHER, "upscaler.") | _named(frame.body, TEACHER, "body_morpher.")
    outputs |= _named(frame.face, FACE, "face_morpher.") | _named(frame.eyebrow, EYEBROW, "eyebrow_morphing_combiner.")
    outputs |= _named(frame.eyebrows, LAYERS, "eyebrow_decomposer.")
    return goldens.compare(golden, outputs)


def mode_14(folder: Path, golden: Golden) -> Report:
    """A character's two students, rendered as users do."""
    system = Student()
    variables = _read_system(folder, files.STUDENT_TABLES, "student_", system)
    code = system.encode_source(variables, jnp.asarray(goldens.image(golden, "image")[0]))
    frame = jax.jit(system.render)(variables, code, jnp.asarray(golden["in_pose"]))
    outputs = {"blended": frame.image, "alpha": frame.alpha, "color_change": frame.color, "warped": frame.warped}
    outputs |= {"grid_change": frame.flow_px / 256.0, "face_morpher_output": frame.face}
    return goldens.compare(golden, {name: np.asarray(value) for name, value in outputs.items()})


def distill_face(checkpoint: Path, golden: Golden) -> Report:
    """Loss, gradients and one Adam step of the face student."""
    params = _student_params(checkpoint, weights.student_face(), "face_morpher")
    mask = golden["in_mask"].astype(np.float32)[None, ..., None]
    teacher = goldens.image(golden, "teacher")
    batch = objectives.FaceBatch(
        positions=networks.student_positions()[0],
        pose=jnp.asarray(golden["in_pose"]),
        teacher=jnp.asarray(teacher),
        mask=jnp.broadcast_to(mask, (*teacher.shape[:3], 1)),
    )
    loss = jax.jit(jax.value_and_grad(objectives.face_loss, has_aux=True))
    (total, terms), gradients = loss(params, batch, objectives.FACE_WEIGHTS)
    report = _losses(
        {"loss_total": total, "loss_full": terms["full"], "loss_masked_unweighted": terms["masked"]}, golden
    )
    report |= _gradients(gradients, golden, "", weights.student_face())
    optimizer = optax.adam(1e-4, b1=0.9, b2=0.999, eps=1e-8)
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer power
        updates, _ = optimizer.update(gradients, optimizer.init(params))
        stepped = optax.apply_updates(params, updates)
    return report | _after_adam(stepped, golden, weights.student_face())


def distill_body(checkpoint: Path, golden: Golden) -> Report:
    """Losses and gradients of the body student in its three stages."""
    params = _student_params(checkpoint, weights.student_body(), "body_morpher")
    flow = (golden["in_teacher_flow_u8"].astype(np.float32) - 128) / 512
    batch = objectives.BodyBatch(
        image=jnp.asarray(goldens.image(golden, "image")),
        pose=jnp.asarray(golden["in_pose"]),
        positions=networks.student_positions(),
        final=jnp.asarray(goldens.image(golden, "teacher_posed")),
        warped=jnp.asarray(goldens.image(golden, "teacher_warped")),
        flow_ndc=jnp.asarray(flow.transpose(0, 2, 3, 1)),
    )
    loss = jax.jit(jax.value_and_grad(objectives.body_loss, has_aux=True))
    report: Report = {}
    for stage in (0, 2, 4):
        prefix = f"phase{stage // 2 + 1}/"
        (total, terms), gradients = loss(params, batch, objectives.BODY_SCHEDULE[stage].weights)
        ours = np.stack([terms[name] for name in ("final", "warped", "flow", "direct")])
        report |= _losses({f"{prefix}loss_total": total, f"{prefix}terms_final_warped_flow_direct": ours}, golden)
        report |= _gradients(gradients, golden, prefix, weights.student_body())
    return report


def _student_params(checkpoint: Path, table: name_table.Table, name: str) -> Any:
    template = jax.eval_shape(Student().init, jax.random.key(0))["params"][name]
    return name_table.apply(table, goldens.read_checkpoint(checkpoint), template, what=str(checkpoint))


def _losses(ours: Mapping[str, Any], golden: Golden) -> Report:
    tolerance = (LOSS_TOLERANCE,) * 3
    return {
        name: goldens.deviation(np.asarray(value, np.float64) / golden[name] - 1.0, tolerance)
        for name, value in ours.items()
    }


def _gradients(gradients: Any, golden: Golden, prefix: str, table: name_table.Table) -> Report:
    """Compares each tensor's L2 norm and largest element (its plain sum is a difference of large numbers)."""
    flat = name_table.flatten(gradients)
    report = {}
    for row in table:
        want = golden[f"{prefix}grad_l2_sum_absmax/{row.source}"]
        ours = np.asarray(flat[row.path], np.float64)
        error = np.array([np.linalg.norm(ours) / want[0], np.abs(ours).max() / want[2]]) - 1.0
        report[f"{prefix}gradient/{row.source}"] = goldens.deviation(error, (GRADIENT_TOLERANCE,) * 3)
    return report


def _after_adam(params: Any, golden: Golden, table: name_table.Table) -> Report:
    flat = name_table.flatten(params)
    report = {}
    for row in table:
        ours = np.asarray(flat[row.path], np.float64)
        error = np.array([ours.mean(), ours.std(ddof=1)]) - golden[f"after_adam_mean_std/{row.source}"]
        # A step moves every weight by 1e-4 to one side; a wrong sign in one of a hundred would move the mean by 2e-6.
        report[f"after_adam/{row.source}"] = goldens.deviation(error, (1e-6,) * 3)
    return report


ENTRIES: Mapping[str, Callable[[Path, Golden], Report]] = {
    "tha4/eyebrow_decomposer": eyebrow_decomposer,
    "tha4/eyebrow_morphing_combiner": eyebrow_morphing_combiner,
    "tha4/face_morpher": face_morpher,
    "tha4/body_morpher": body_morpher,
    "tha4/upscaler": upscaler,
    "tha4/student_face_morpher": student_face_morpher,
    "tha4/student_body_morpher": student_body_morpher,
    "tha4/mode_07": mode_07,
    "tha4/mode_14": mode_14,
    "tha4/distill_face": distill_face,
    "tha4/distill_body": distill_body,
}
