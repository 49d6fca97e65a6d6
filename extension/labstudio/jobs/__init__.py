"""Jobs: notebooks, scripts, cells and functions that run apart and survive everything."""
