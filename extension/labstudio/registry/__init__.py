"""Registered models: versions, aliases and who may promote them, on MLflow's own registry."""
