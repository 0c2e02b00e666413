"""The encoder of DECA (Feng et al. 2021, section 4.1), which GDPW fits faces with: a picture to 236 numbers.

Pictures are RGB in [0, 1], 224x224, without subtracting a mean. Layers from the released code.
"""

import flax.struct
from flax import linen as nn

from jaxanim.core import checks
from jaxanim.core.types import Array, Float
from jaxanim.nn import conv, resnet

ENCODER_SIZE = 224
CODE_SIZES = (100, 50, 50, 6, 3, 27)  # identity, texture, expression, pose, camera, light


@flax.struct.dataclass
class DecaEncoding:
    """What the encoder makes of a picture.

    Attributes:
      parameters: all of DECA's parameters in one row, see `deca.split`.
      backbone: features on the way.
    """

    parameters: Float[Array, "b 236"]
    backbone: resnet.ResNetFeatures


class DecaEncoder(nn.Module):
    """ResNet-50 and two dense layers (the released `E_flame`)."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> DecaEncoding:
        checks.check_trailing_shape("image", image, (ENCODER_SIZE, ENCODER_SIZE, 3))
        backbone = resnet.ResNet(name="backbone")(image)
        hidden = nn.relu(nn.Dense(1024, kernel_init=conv.HE_NORMAL, name="dense0")(backbone.features))
        parameters = nn.Dense(sum(CODE_SIZES), kernel_init=conv.HE_NORMAL, name="dense1")(hidden)
        return DecaEncoding(parameters, backbone)
