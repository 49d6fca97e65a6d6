"""Reproduce: run what made a run again, and say what agreed."""
