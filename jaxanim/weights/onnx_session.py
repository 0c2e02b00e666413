"""Opening ONNX files with onnxruntime, which is an extra (`export`)."""

from pathlib import Path
from typing import Any

from jaxanim.core.errors import InputError


def make_session(path: Path) -> Any:
    """Opens a file with onnxruntime on the CPU.

    Raises:
      InputError: onnxruntime is not installed, or the file is missing or damaged.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("ONNX files need onnxruntime: pip install 'jaxanim[export]'") from error
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many types of its own
        raise InputError(f"{path}: not a readable ONNX file ({str(error).splitlines()[0][:200]})") from error
