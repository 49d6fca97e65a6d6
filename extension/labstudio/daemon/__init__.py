"""The daemon: one for each home, it runs the durable queue and outlives the server."""
