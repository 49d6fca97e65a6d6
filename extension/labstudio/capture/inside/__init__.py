"""What sees, inside a kernel, what its code reads and where it runs.

In a job's kernel whose environment has no labstudio these files become the package
``_labstudio_capture`` (`labstudio.capture.helper`). So they import the standard library only, one
another by relative imports, and keep to the syntax of Python 3.9.
"""
