"""ONNX: exporting systems, checking the result against JAX, and running it without JAX."""
