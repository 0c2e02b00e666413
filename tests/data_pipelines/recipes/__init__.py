"""Tests of data_pipelines.recipes."""
