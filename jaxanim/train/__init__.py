"""Training: phases to a step, state, mesh, checkpoints, metrics, the loop. Knows no method and reads no data."""
