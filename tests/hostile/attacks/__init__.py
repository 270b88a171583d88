"""Hostile clients, class by class, against a real broker process that honest producers use.

``test_attacks.py`` runs every class in its short form; ``python -m tests.hostile.attacks`` runs the
full form and prints what it cost the honest ones.
"""

from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The project: modules are run from here."""
