"""``just fuzz``: fuzzing guided by coverage, with atheris, a process a target.

    just fuzz                       every target for 30 s
    just fuzz token --seconds 600   one
    just fuzz --save                keep the inputs that reach more, in tests/fuzz/corpus

A finding is printed as bytes in hexadecimal: add it to the target's file under ``corpus``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS, corpus_file, saved, seeds

SECONDS = 30
BYTES_MAX = 4_096
SAVED_BYTES_MAX = 512
"""Longer inputs are found again; the tree keeps short ones."""
SAVED_MAX = 300


def main() -> int:
    """Fuzz the targets named; return 1 at any finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=SECONDS, help="a target (%(default)s)")
    parser.add_argument("--save", action="store_true", help="keep what reaches more")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.targets) - set(TARGETS))
    if unknown:
        parser.error(f"there is no target {unknown[0]}")
    found = [
        name
        for name in arguments.targets or TARGETS
        if not fuzz(name, arguments.seconds, save=arguments.save)
    ]
    print("findings in:" if found else "no findings", *found)
    return 1 if found else 0


def fuzz(name: str, seconds: int, *, save: bool) -> bool:
    """Fuzz a target; tell whether nothing was found."""
    with tempfile.TemporaryDirectory(prefix="moneyboard-fuzz-") as folder:
        corpus, findings = Path(folder) / "corpus", Path(folder) / "findings"
        corpus.mkdir()
        findings.mkdir()
        for number, data in enumerate([*seeds(name), *saved(name)]):
            (corpus / f"{number:06}").write_bytes(data)
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(corpus)]
        command += [f"-max_total_time={seconds}", f"-max_len={BYTES_MAX}", "-verbosity=0"]
        command += ["-print_final_stats=1", f"-artifact_prefix={findings}/"]
        # libFuzzer ends without clean-up: what the target leaves goes with the folder.
        environ = {**os.environ, "TMPDIR": folder}
        run = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
        lines = run.stderr.splitlines()
        executed = next((line for line in lines if "number_of_executed_units" in line), "")
        crashes = sorted(findings.iterdir())
        inputs = [file.read_bytes() for file in corpus.iterdir()]
        print(f"{name:16} {executed.split(':')[-1].strip():>10} runs, {len(inputs)} inputs kept")
        for crash in crashes:
            print(f"  finding: {crash.read_bytes().hex()}")
        if run.returncode:
            print(run.stdout[-2_000:], run.stderr[-2_000:])
        if save:
            keep(name, inputs)
        return run.returncode == 0 and not crashes


def keep(name: str, inputs: list[bytes]) -> None:
    """Save the shortest inputs of a target, beside those that are saved."""
    kept = {*saved(name), *seeds(name)}
    short = {data for data in inputs if len(data) <= SAVED_BYTES_MAX} - kept
    room = max(0, SAVED_MAX - len(kept))
    kept.update(sorted(short, key=lambda data: (len(data), data))[:room])
    lines = sorted(data.hex() for data in kept)
    corpus_file(name).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
