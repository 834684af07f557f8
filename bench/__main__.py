"""`python -m bench [name…] [--json FILE]`: runs benches and tells whether each holds its floor."""

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import discover
from bench.report import Figure, table, write_json


def main(words: Sequence[str] | None = None) -> int:
    """Run the named benches, or all. Returns 1 for a missed floor or a failed bench, 2 for a wrong name."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(words)
    known = discover.find()
    unknown = [name for name in given.names if name not in known]
    if unknown:
        listed = "\n".join(f"  {name}: {title}" for name, title in known.items()) or "  (none)"
        print(f"There is no bench {', '.join(unknown)}. There are:\n{listed}", file=sys.stderr)
        return 2
    results: dict[str, Sequence[Figure]] = {}
    failed: dict[str, str] = {}
    for name in given.names or known:
        began = time.monotonic()
        print(f"{name}: {known[name]} ...", flush=True)
        try:
            results[name] = discover.run(name)
        except Exception as trouble:  # one broken bench must not hide the figures of the others
            traceback.print_exc()
            failed[name] = repr(trouble)
            continue
        print(f"{table(name, results[name])}\n  ({time.monotonic() - began:.0f} s)", flush=True)
    if given.json:
        write_json(given.json, results, failed)
    missed = [figure.what for figures in results.values() for figure in figures if figure.verdict == "missed"]
    print(f"{len(results)} benches ran, {len(failed)} failed, {len(missed)} floors missed.")
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
