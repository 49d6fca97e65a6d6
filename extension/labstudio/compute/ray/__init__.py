"""Jobs on a Ray cluster, over its dashboard.

Inside this folder `import ray` is Ray's library, as everywhere: imports are absolute.
"""
