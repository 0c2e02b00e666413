"""Opening ONNX files."""

import pytest

from jaxanim.core.errors import InputError
from jaxanim.weights.onnx_session import make_session


@pytest.mark.parametrize(("content", "said"), [(None, "no such file"), (b"nothing of the kind", "not a readable ONNX")])
def test_what_cannot_be_opened(tmp_path, content, said):
    path = tmp_path / "x.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        make_session(path)
