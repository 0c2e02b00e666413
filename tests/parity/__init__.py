"""Parity with the officially released networks: their recorded outputs under deterministic random checkpoints."""
