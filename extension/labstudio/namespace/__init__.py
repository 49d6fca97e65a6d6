"""A notebook's variables: kept in checkpoints, moved to another kernel, restored after a crash."""
