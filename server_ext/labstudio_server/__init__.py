"""The REST API of labstudio, as a Jupyter Server extension."""
