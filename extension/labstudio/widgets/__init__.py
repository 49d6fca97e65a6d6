"""How jobs look in a notebook: live where there is a kernel, as plain HTML everywhere else."""
