"""What runs one attempt at a job: a process of its own that outlives the daemon."""
