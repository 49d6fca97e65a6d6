"""Named places where jobs run."""
