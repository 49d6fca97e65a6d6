"""Lineage: where everything came from, and what came of it."""
