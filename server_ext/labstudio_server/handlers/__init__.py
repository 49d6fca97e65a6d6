"""Handlers: parse, authorize, call one verb of the studio, answer."""
