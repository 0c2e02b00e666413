"""Writes the open head: `python -m data_pipelines.open_head -o jaxanim/assets/open_head.npz`."""

import argparse
from pathlib import Path

from data_pipelines.open_head import model
from jaxanim.geometry import open_head


def main() -> None:
    """Builds the model and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .npz file to write")
    output = parser.parse_args().output
    head, parts = model.build()
    open_head.save_open_head(output, head, parts)
    size = output.stat().st_size / 1e6
    print(f"{output}: {head.template.shape[0]} vertices, {head.faces.shape[0]} triangles, {size:.2f} MB")


if __name__ == "__main__":
    main()
