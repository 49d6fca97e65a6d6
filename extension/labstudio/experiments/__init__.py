"""Experiments: MLflow's tracking server under the daemon, and its records of jobs."""
