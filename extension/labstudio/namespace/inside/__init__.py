"""What packs and restores a notebook's names, inside the kernel that has them.

These files are sent to the kernel as source and become the package ``_labstudio_namespace`` there
(`labstudio.namespace.helper`): the kernel's environment may have no labstudio, and an older Python.
So they import the standard library and cloudpickle only, one another by relative imports, and keep
to the syntax of Python 3.9.
"""
