"""Jobs and kernels in containers of a Docker Engine.

`settings` says what an entry of ``compute.toml`` may hold, `engine` speaks to the Engine, `images`
finds, pulls and builds, `container` builds the walls around what runs, `place` runs an attempt's
code there, and `kind` is the compute.
"""
