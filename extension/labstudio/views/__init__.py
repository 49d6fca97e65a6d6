"""Saved views: what a table or a comparison shows and how, under a name."""
