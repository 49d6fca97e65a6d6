"""The gateway: what jobs and kernels elsewhere may ask of the studio, and how they reach it."""
