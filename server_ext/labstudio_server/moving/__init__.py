"""Moving a live notebook from one kernel to another, its variables with it."""
