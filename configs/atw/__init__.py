"""Configurations of ATW: see `launch.settings` for what every run has, `launch.jobs.atw` for what ATW adds."""
