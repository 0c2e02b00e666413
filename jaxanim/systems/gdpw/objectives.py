"""How GDPW is trained: every loss term, and the weights of the released code and of the paper.

Paper: GDPW section 3.4. Pictures are RGB in [0, 1]. The discriminator learns first in every step, from what the
generator makes before it learns; the released code does it the other way round.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core import checks
from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Metrics, Params
from jaxanim.losses import adversarial, perceptual, reconstruction
from jaxanim.ops import pyramid
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw import networks
from jaxanim.systems.gdpw.generator import DISCRIMINATOR, GENERATOR, Made, MeshFaces
from jaxanim.systems.gdpw.presets import Design

Perceptual = Literal["vgg19", "random", "none"]
Adversary = Literal["least_squares", "hinge", "none"]
Terms = dict[str, Float[Array, " b"]]
_SCALES = (1, 2, 4, 8)  # of the pyramid that the perceptual loss of the picture looks at
_SMALLEST = 16  # side of a picture that VGG-19's last layer still sees
# Of the discriminator's own terms, which have no settings.
_CRITIC_WEIGHTS = {"critic_picture": 1.0, "critic_warped": 1.0}


@dataclasses.dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
      pixel, perceptual, matching, adversarial: weights of what the picture is asked for. `matching` compares the
        discriminator's features.
      warp_perceptual, warp_matching, warp_adversarial: of what the warped source is asked for: the first at every
        level, the others at full size.
      warp_pixel: of the mean difference of colours at every level; not as published, for training without a
        perceptual network.
      face_pixel: of the difference where the mesh is seen, on top of `pixel`; not as published.
      face_square: of the squared difference where the mesh is seen: what is far off in few pixels, such as a mouth that
        stays shut, counts; not as published.
      features: what the perceptual terms compare: VGG-19's features, those of random weights, or nothing.
      adversary: how the discriminator is trained, 'none' for not at all. The paper has the hinge loss, the released
        code least squares.
    """

    pixel: float = 10.0
    perceptual: float = 10.0
    matching: float = 10.0
    adversarial: float = 1.0
    warp_perceptual: float = 10.0
    warp_matching: float = 10.0
    warp_adversarial: float = 1.0
    warp_pixel: float = 0.0
    face_pixel: float = 0.0
    face_square: float = 0.0
    features: Perceptual = "vgg19"
    adversary: Adversary = "least_squares"

    def __post_init__(self) -> None:
        """Checks the options."""
        checks.check_option("features", self.features, get_args(Perceptual))
        checks.check_option("adversary", self.adversary, get_args(Adversary))

    def weights(self) -> Mapping[str, float]:
        """Returns the weights as loss functions take them."""
        fields = dataclasses.asdict(self)
        return {name: float(value) for name, value in fields.items() if not isinstance(value, str)}


OFFICIAL = Objective()
PAPER = Objective(adversary="hinge")


@flax.struct.dataclass
class Batch:
    """What a step learns from.

    Attributes:
      source, target: pictures.
      source_ndc, target_ndc: the mesh in both, see `core.system.PosedImage`.
      frozen: parameters of both groups as they are.
      stats: of both groups.
      features: parameters of the perceptual network, {} without.
    """

    source: Float[Array, "b h w 3"]
    target: Float[Array, "b h w 3"]
    source_ndc: Float[Array, "b v 3"]
    target_ndc: Float[Array, "b v 3"]
    frozen: Params
    stats: Params
    features: Params


def phases(design: Design, mesh: MeshFaces, objective: Objective) -> tuple[Phase, ...]:
    """Returns what a training step does: the discriminator's turn, where there is one, and the generator's.

    Raises:
      ValueError: pictures are too small for features to be compared.
    """
    factor = max(*_SCALES, 2 ** (design.levels - 2))
    if objective.features != "none" and design.size < _SMALLEST * factor:
        raise ValueError(
            f"features are compared in pictures down to 1/{factor} of the side, which need {_SMALLEST} pixels; got "
            f"size={design.size} and levels={design.levels}"
        )
    found = []
    if objective.adversary != "none":
        found.append(_phase(DISCRIMINATOR, _discriminator_terms, design, mesh, objective))
    return (*found, _phase(GENERATOR, _generator_terms, design, mesh, objective))


def _phase(
    group: str, terms_of: Callable[..., tuple[Terms, Params]], design: Design, mesh: MeshFaces, objective: Objective
) -> Phase:
    def loss_fn(params: Params, batch: Batch, weights: Params) -> tuple[Float[Array, ""], Metrics, Params]:
        terms, stats = terms_of(params, batch, design, mesh, objective)
        means = {name: term.mean() for name, term in terms.items()}
        of_each = {**_CRITIC_WEIGHTS, **weights}
        total = jnp.sum(jnp.stack([mean * of_each[name] for name, mean in means.items()]))
        return total, {**means, "total": total}, stats

    return Phase(group, group, loss_fn, keeps=group)


def _run(batch: Batch, params: Params, design: Design, mesh: MeshFaces) -> tuple[Made, Params]:
    return generators.generate(
        design,
        mesh,
        params,
        batch.stats[GENERATOR],
        batch.source,
        batch.source_ndc,
        batch.target_ndc,
        train=True,
    )


def _judge(
    design: Design, params: Params, stats: Params, image: Float[Array, "b h w 3"]
) -> tuple[networks.Judgement, Params]:
    network = networks.Discriminator(design.critic_width)
    found, changed = network.apply({"params": params, "stats": stats}, image, train=True, mutable=["stats"])
    return found, changed["stats"]


def _discriminator_terms(
    params: Params, batch: Batch, design: Design, mesh: MeshFaces, objective: Objective
) -> tuple[Terms, Params]:
    made = lax.stop_gradient(_run(batch, batch.frozen[GENERATOR], design, mesh)[0])
    critic = {
        "least_squares": adversarial.least_squares_critic,
        "hinge": adversarial.hinge_critic,
    }[objective.adversary]
    stats, terms = batch.stats[DISCRIMINATOR], {}
    for name, fake in zip(_CRITIC_WEIGHTS, (made.image, made.warped), strict=True):
        judged, stats = _judge(design, params, stats, fake)
        real, stats = _judge(design, params, stats, batch.target)
        terms[name] = critic(real.realness, judged.realness)
    return terms, stats


def _generator_terms(
    params: Params, batch: Batch, design: Design, mesh: MeshFaces, objective: Objective
) -> tuple[Terms, Params]:
    made, stats = _run(batch, params, design, mesh)
    terms: Terms = {"pixel": reconstruction.l1(made.image, batch.target)}
    if objective.face_pixel:
        terms["face_pixel"] = reconstruction.masked_l1(made.image, batch.target, made.mask)
    if objective.face_square:
        terms["face_square"] = reconstruction.masked_l2(made.image, batch.target, made.mask)
    if objective.features != "none":
        terms["perceptual"] = perceptual.pyramid_distance(batch.features, made.image, batch.target, scales=_SCALES)
    if objective.adversary != "none":
        terms |= _adversarial_terms(made, batch, design, objective)
    return terms | _warp_terms(made, batch, objective), stats


def _adversarial_terms(made: Made, batch: Batch, design: Design, objective: Objective) -> Terms:
    """Returns what the discriminator, as it is, says of the picture and of the warped source."""
    params, stats = batch.frozen[DISCRIMINATOR], batch.stats[DISCRIMINATOR]
    score = {
        "least_squares": adversarial.least_squares_generator,
        "hinge": adversarial.hinge_generator,
    }[objective.adversary]
    real, _ = _judge(design, params, stats, batch.target)
    terms: Terms = {}
    for prefix, image in (("", made.image), ("warp_", made.warped)):
        judged, _ = _judge(design, params, stats, image)
        terms[f"{prefix}adversarial"] = score(judged.realness)
        terms[f"{prefix}matching"] = reconstruction.feature_matching(judged.features, real.features)
    return terms


def _warp_terms(made: Made, batch: Batch, objective: Objective) -> Terms:
    """Returns what is wrong with the source warped by the flow of each level, added up."""
    terms: Terms = {}
    for level, flow_px in enumerate(made.flows_px):
        factor = 2**level
        source, target = (_smaller(image, factor) for image in (batch.source, batch.target))
        warped = networks.warp_source(source, flow_px)
        if objective.warp_pixel:
            terms["warp_pixel"] = terms.get("warp_pixel", 0.0) + reconstruction.l1(warped, target)
        if objective.features != "none":
            far = perceptual.pyramid_distance(batch.features, warped, target, scales=(1,))
            terms["warp_perceptual"] = terms.get("warp_perceptual", 0.0) + far
    return terms


def _smaller(image: Float[Array, "b h w 3"], factor: int) -> Float[Array, "b _ _ 3"]:
    return image if factor == 1 else pyramid.downsample_area(image, (factor, factor))


def weights_of_phases(objective: Objective) -> dict[str, Any]:
    """Returns the weights of each phase's terms, as a training step takes them."""
    weights = jax.tree.map(jnp.float32, dict(objective.weights()))
    return {GENERATOR: weights, DISCRIMINATOR: weights}
