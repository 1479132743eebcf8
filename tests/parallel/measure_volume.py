"""What the preset `omniglot` sends in a step of two processes, counted on the cable between two network namespaces.

PYTHONPATH=tests python tests/parallel/measure_volume.py          as root; two minutes
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from parallel.started import Job
from parallel.test_training import machines

SHORT, LONG = 3, 13
"""Two runs' steps; what the beginning and the end of a run send is in both."""


def sent(steps: int) -> list[int]:
    """Bytes that each of two machines sent in a run of so many steps."""
    with tempfile.TemporaryDirectory() as folder, machines() as (names, addresses, cables):
        words: list[object] = ["train", "strokes", "-o", Path(folder, "run"), "--max-steps", steps]
        for setting in ("batch_size=2", "validation_pairs=2", "precision=float32"):
            words += ["--set", setting]
        variables = [{"GLOO_SOCKET_IFNAME": cable} for cable in cables]
        job = Job(Path(folder), words, 2, address=addresses[0], machines=names, variables=variables)
        for finished in job.finish():
            assert finished.status == 0, finished.messages
        counters = [f"/sys/class/net/{cable}/statistics/tx_bytes" for cable in cables]
        read = [["ip", "netns", "exec", *place] for place in zip(names, ["cat", "cat"], counters, strict=True)]
        return [int(subprocess.run(words, capture_output=True, check=True).stdout) for words in read]


if __name__ == "__main__":
    for rank, (short, long) in enumerate(zip(sent(SHORT), sent(LONG), strict=True)):
        print(f"process {rank}: {(long - short) / (LONG - SHORT) / 1e6:.2f} MB a step")
