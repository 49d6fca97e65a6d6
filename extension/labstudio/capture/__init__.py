"""Capture: what made a run, recorded beside it as its capsule."""
