"""Faces as surfaces: morphable models, their pose, cameras, landmarks, and pictures of them."""
