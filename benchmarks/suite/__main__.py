"""The benchmark suite.

    python -m benchmarks.suite [--only ROW ...] [--quick] [--threads N] [-o DIR]

Every row is a process of its own, in which its variants are run in turns; what counts are ratios. Prints a table and
writes DIR/MACHINE.json. docs/speed.md says what the rows mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]


def main() -> None:
    import allograph  # noqa: F401, I001 - before torch: it says how threads wait
    import torch
    from benchmarks.suite import rows_training, rows_use
    from benchmarks.suite.turns import peak_megabytes

    rows = {**rows_training.ROWS, **rows_use.ROWS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(rows), metavar="ROW", help=f"of {', '.join(rows)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs, not how fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", dest="output", type=Path, default=ROOT / "benchmarks" / "results", metavar="DIR")
    parser.add_argument("--name", default=f"{platform.machine()}-{os.cpu_count()}", help="of the result file")
    parser.add_argument("--note", default="", help="kept in the result file")
    parser.add_argument("--row", choices=list(rows), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        torch.set_num_threads(options.threads)
        row = rows[options.row](options.quick)
        row.peak_megabytes = peak_megabytes()
        print(json.dumps(row.as_table()))
        return
    path = options.output / f"{options.name}{'-quick' if options.quick else ''}.json"
    result = json.loads(path.read_text()) if path.exists() else {"rows": {}}
    result["machine"] = machine(options.threads) | ({"note": options.note} if options.note else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.only or rows:
        words = ["--row", name, "--threads", str(options.threads), *(["--quick"] if options.quick else [])]
        run = subprocess.run([sys.executable, "-m", "benchmarks.suite", *words], cwd=ROOT, stdout=subprocess.PIPE)
        if run.returncode:
            failed.append(name)
            continue
        table = json.loads(run.stdout.splitlines()[-1])
        result["rows"][name] = {"command": f"python -m benchmarks.suite --only {name}", **table}
        show(name, table)
        path.write_text(json.dumps(result, indent=1) + "\n")
    if failed:
        sys.exit(f"these rows failed: {', '.join(failed)}")


def machine(threads: int) -> dict[str, Any]:
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "processor": names[0] if names else platform.processor(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "cores": os.cpu_count(),
        "usable cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": threads,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit.stdout.strip(),
    }


def show(name: str, table: dict[str, Any]) -> None:
    print(f"\n{name}: {table['title']} ({table['setting']}); peak {table['peak_megabytes']:.0f} MB")
    if table["times"]:
        print(f"  {'':44}{'ms':>9}{'quarters':>16}{'cpu ms':>9}{'times':>7}")
    for variant, timed in table["times"].items():
        middle, low, high, cpu = (1000 * timed[key] for key in ("seconds", "low", "high", "cpu"))
        spread = f"{low:.1f}-{high:.1f}"
        print(f"  {variant:44}{middle:9.1f}{spread:>16}{cpu:9.1f}{table['ratios'][variant]:7.2f}")
    for figure, value in table["figures"].items():
        print(f"  {figure:60}{value:12.4g}", flush=True)


if __name__ == "__main__":
    main()
