"""How ATW is trained: every loss term, the weights of the paper and of the released code, and what can be left out.

Paper: ATW section 3.2, equations 1 to 10. Equation 1 as printed is to be maximised; its negative is minimised here.
The discriminators learn from real labels, the generator from what they say of its pictures.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import get_args

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core.system import Phase
from jaxanim.core.types import Array, Float, Image, Key, Metrics, Params
from jaxanim.losses import adversarial, labels, reconstruction
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import networks, presets
from jaxanim.systems.atw.presets import Design

GENERATOR, DISCRIMINATOR, WARP_DISCRIMINATOR = "generator", "discriminator", "warp_discriminator"
GROUPS = (GENERATOR, DISCRIMINATOR, WARP_DISCRIMINATOR)
TERMS = frozenset({"adv", "drv", "warp", "cyc", "ref"})
ALL_TERMS = TERMS | {"pair"}
Terms = dict[str, Float[Array, " b"]]


@dataclasses.dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
      adv, drv, warp, cyc, ref, gp, pair: weights. The paper's text calls `cyc` lambda_rec.
      cyc_on_warp: whether the cycle's warped picture has to be the original, too.
      ref_on_cycle: whether refinement has to keep the cycle's warped picture, too.
      generator_every: in how many steps of the discriminators the generator makes one.
      penalty: what the gradient penalty differentiates, see `adversarial.gradient_penalty`.
      terms: which terms there are (the ablations of table 2); those left out are not computed. The gradient penalty
        comes and goes with 'adv', the discriminator of warped pictures with 'warp'. Besides those of the paper there
        is 'pair', for data that show the target: both pictures have to be it.
    """

    adv: float = 1.0
    drv: float = 1.0
    warp: float = 1.0
    cyc: float = 10.0
    ref: float = 10.0
    gp: float = 10.0
    pair: float = 10.0
    cyc_on_warp: bool = False
    ref_on_cycle: bool = False
    generator_every: int = presets.GENERATOR_EVERY
    penalty: adversarial.Reduction = "sum"
    terms: frozenset[str] = TERMS

    def __post_init__(self) -> None:
        """Checks the names of terms and what the phases need."""
        if self.generator_every < 1:
            raise ValueError(f"generator_every must be 1 or more, got {self.generator_every}")
        if self.penalty not in get_args(adversarial.Reduction):
            raise ValueError(f"penalty must be one of {get_args(adversarial.Reduction)}, got {self.penalty!r}")
        if not self.terms <= ALL_TERMS or not self.terms & {"adv", "drv", "warp", "pair"}:
            given = sorted(self.terms)
            raise ValueError(f"terms must be of {sorted(ALL_TERMS)}, one of them adv, drv, warp or pair; got {given}")

    def weights(self) -> Mapping[str, float]:
        """Returns the weights as loss functions take them."""
        return {name: getattr(self, name) for name in ("adv", "drv", "warp", "cyc", "ref", "gp", "pair")}


ATW_PAPER = Objective()
ATW_OFFICIAL = Objective(warp=0.5, ref=1.0, cyc_on_warp=True, ref_on_cycle=True)
OBJECTIVES = {"atw_paper": ATW_PAPER, "atw_official": ATW_OFFICIAL}


@flax.struct.dataclass
class Batch:
    """What a step learns from.

    Attributes:
      image: pictures in [-1, 1].
      source: what they show: one-hot classes, or intensities of action units (0 to 5).
      target: what the generator is to show.
      share: of the real picture in those that the gradient penalty looks at, uniform in [0, 1).
      frozen: parameters of all groups as they are; a phase takes those from here that it does not change.
      truth: what the target looks like, where the data show it.
    """

    image: Float[Array, "b h w 3"]
    source: Float[Array, "b d"]
    target: Float[Array, "b d"]
    share: Float[Array, " b"]
    frozen: Params
    truth: Float[Array, "b h w 3"] | None = None


def make_batch(
    key: Key[Array, ""],
    params: Params,
    image: Float[Array, "b h w 3"],
    source: Float[Array, "b d"],
    target: Float[Array, "b d"],
    truth: Float[Array, "b h w 3"] | None = None,
) -> Batch:
    """Joins data, the random numbers of a step and the present parameters."""
    return Batch(image, source, target, jax.random.uniform(key, (image.shape[0],), image.dtype), params, truth)


def generate(
    design: Design, params: Params, image: Float[Array, "b h w 3"], drive: Float[Array, "b d"]
) -> networks.Generated:
    """Runs the generator; the drive in its own unit, not in the networks'."""
    amount = jnp.ones(image.shape[0], jnp.asarray(image).dtype)
    return apply(generator(design), params, image, drive * design.drive_scale, amount)


def generator(design: Design) -> networks.Generator:
    """Returns the generator of a design."""
    return networks.Generator(design.width, design.reach, design.refine, design.refine_downs, design.modulate)


def discriminator(design: Design, *, adversarial: bool) -> networks.Discriminator:
    """Returns the discriminator of refined pictures, or without realness that of warped ones."""
    return networks.Discriminator(design.drives, design.critic_width, adversarial)


def discriminator_terms(params: Params, batch: Batch, *, design: Design, objective: Objective) -> Terms:
    """Returns the terms of D_r: 'adv_real', 'adv_fake' and 'gp' (equation 1), 'drv' (equation 4)."""
    network = discriminator(design, adversarial=True)
    real = apply(network, params, batch.image)
    terms: Terms = {}
    if "adv" in objective.terms:
        fake = lax.stop_gradient(generate(design, batch.frozen[GENERATOR], batch.image, batch.target).image)

        def realness(images: Image) -> Float[Array, "b i j"]:
            return _patches(apply(network, params, images))

        terms["adv_real"] = -adversarial.score(_patches(real))
        terms["adv_fake"] = adversarial.score(realness(fake))
        terms["gp"] = adversarial.gradient_penalty(
            realness, batch.image, fake, batch.share, reduction=objective.penalty
        )
    if "drv" in objective.terms:
        terms["drv"] = drive_error(design, real.drive, batch.source)
    return terms


def warp_discriminator_terms(params: Params, batch: Batch, *, design: Design, objective: Objective) -> Terms:
    """Returns the one term of D_w, 'drv' (equation 7)."""
    del objective
    judged = apply(discriminator(design, adversarial=False), params, batch.image)
    return {"drv": drive_error(design, judged.drive, batch.source)}


def generator_terms(params: Params, batch: Batch, *, design: Design, objective: Objective) -> Terms:
    """Returns the generator's terms, one value per example.

    They are called like the objective's; what it asks of the cycle's warped picture is 'cyc_warp' and 'ref_cycle'.
    """
    made = generate(design, params, batch.image, batch.target)
    terms = _judged_terms(made, batch, design, objective)
    if "ref" in objective.terms:
        terms["ref"] = reconstruction.l1(made.warped, made.image)
    if "pair" in objective.terms:
        if batch.truth is None:
            raise ValueError("the term 'pair' needs data that show the target: a batch with `truth`")
        terms["pair"] = reconstruction.l1(made.image, batch.truth)
        terms["pair_warp"] = reconstruction.l1(made.warped, batch.truth)
    if "cyc" in objective.terms or ("ref" in objective.terms and objective.ref_on_cycle):
        back = generate(design, params, made.image, batch.source)
        terms |= _cycle_terms(back, batch, objective)
    return terms


def _judged_terms(made: networks.Generated, batch: Batch, design: Design, objective: Objective) -> Terms:
    """Returns what the discriminators, as they are, say of generated pictures."""
    terms: Terms = {}
    if objective.terms & {"adv", "drv"}:
        judged = apply(discriminator(design, adversarial=True), batch.frozen[DISCRIMINATOR], made.image)
        if "adv" in objective.terms:
            terms["adv"] = -adversarial.score(_patches(judged))
        if "drv" in objective.terms:
            terms["drv"] = drive_error(design, judged.drive, batch.target)
    if "warp" in objective.terms:
        judged = apply(discriminator(design, adversarial=False), batch.frozen[WARP_DISCRIMINATOR], made.warped)
        terms["warp"] = drive_error(design, judged.drive, batch.target)
    return terms


def _cycle_terms(back: networks.Generated, batch: Batch, objective: Objective) -> Terms:
    """Returns what is wrong with pictures that went to the target and back."""
    terms: Terms = {}
    if "cyc" in objective.terms:
        terms["cyc"] = reconstruction.l1(back.image, batch.image)
        if objective.cyc_on_warp:
            terms["cyc_warp"] = reconstruction.l1(back.warped, batch.image)
    if "ref" in objective.terms and objective.ref_on_cycle:
        terms["ref_cycle"] = reconstruction.l1(back.warped, back.image)
    return terms


# Which weight each term goes by; the others go by their own names.
_WEIGHT_OF = {"adv_real": "adv", "adv_fake": "adv", "cyc_warp": "cyc", "ref_cycle": "ref", "pair_warp": "pair"}
TermsOf = Callable[..., Terms]


def loss(
    terms_of: TermsOf, params: Params, batch: Batch, weights: Params, *, design: Design, objective: Objective
) -> tuple[Float[Array, ""], Metrics]:
    """Returns the weighted sum of terms, and each term's mean."""
    terms = terms_of(params, batch, design=design, objective=objective)
    means = {name: values.mean() for name, values in terms.items()}
    total = jnp.asarray(sum(weights[_WEIGHT_OF.get(name, name)] * mean for name, mean in means.items()))
    return total, {"total": total, **means}


def warp_discriminator_loss(
    params: Params, batch: Batch, weights: Params, *, design: Design, objective: Objective
) -> tuple[Float[Array, ""], Metrics]:
    """Returns the loss of D_w, which has no weight: it is trained alone."""
    return loss(warp_discriminator_terms, params, batch, {**weights, "drv": 1.0}, design=design, objective=objective)


def phases(design: Design, objective: Objective) -> tuple[Phase, ...]:
    """Returns the two discriminators' objectives, in every step, and after them the generator's, in every fifth.

    Where no discriminator learns, the generator does in every step.
    """
    listed = []
    if objective.terms & {"adv", "drv"}:
        of_pictures = functools.partial(loss, discriminator_terms, design=design, objective=objective)
        listed.append(Phase(DISCRIMINATOR, DISCRIMINATOR, of_pictures))
    if "warp" in objective.terms:
        of_warped = functools.partial(warp_discriminator_loss, design=design, objective=objective)
        listed.append(Phase(WARP_DISCRIMINATOR, WARP_DISCRIMINATOR, of_warped))
    of_generator = functools.partial(loss, generator_terms, design=design, objective=objective)
    every = objective.generator_every if listed else 1
    return (*listed, Phase(GENERATOR, GENERATOR, of_generator, every))


def drive_error(design: Design, judged: Float[Array, "b d"], drive: Float[Array, "b d"]) -> Float[Array, " b"]:
    """Returns how far what a discriminator sees is from a drive; the drive in its own unit."""
    wanted = drive * design.drive_scale
    return labels.cross_entropy(judged, wanted) if design.drive == "classes" else labels.squared_error(judged, wanted)


def _patches(judged: networks.Judgement) -> Float[Array, "b i j"]:
    if judged.adversarial is None:
        raise ValueError("this discriminator does not judge realness")
    return judged.adversarial
