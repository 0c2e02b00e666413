"""Regressors: parameters of a morphable model, and landmarks, from one look at a picture."""
