"""Checks of an artifact's bytes before a native runtime gets them, with the standard library alone."""
