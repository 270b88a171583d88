"""Node for tests that run JavaScript: found or, outside CI, a reason to skip."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

needs_node = pytest.mark.skipif(
    not shutil.which("npm") and not os.environ.get("CI"), reason="Node 20 or later is not installed"
)


def install(folder: Path) -> None:
    """Install what the package.json of a folder names, without running any package's script."""
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*command, "--package-lock=false"], cwd=folder, check=True, capture_output=True)


def run_node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run node in a folder."""
    return subprocess.run(
        ["node", *arguments], cwd=folder, check=False, capture_output=True, text=True, timeout=120
    )
