"""Measurements, each against a limit in the same run: ``just bench NAME``."""
