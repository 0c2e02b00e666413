"""Tests of data_pipelines.procedural_anime."""
