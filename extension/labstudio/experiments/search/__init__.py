"""Runs found at speed: MLflow's filter language and order, over MLflow's own tables."""
