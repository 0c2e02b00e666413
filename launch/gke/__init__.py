"""Trainings on Google Kubernetes Engine: a JobSet manifest for a slice of TPUs, and a wrapper of xpk."""
