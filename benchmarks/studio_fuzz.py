"""Malformed requests to the studio, generated from its OpenAPI document: none may end in a 500.

    python benchmarks/studio_fuzz.py [--requests 10000]

The server runs in this process with a small untrained model; prints how often each status came.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from allograph import weights
from allograph.studio import ModelRegistry
from allograph.studio.schemas import openapi
from commands.family import build, card
from studio.fuzzing import requests
from studio.live_server import running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    options = parser.parse_args()
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        weights.save(path, build("bending"), card("bending"))
        with running(ModelRegistry([str(path)])) as server:
            health = list(HealthCheck)

            @settings(max_examples=options.requests, deadline=None, database=None, suppress_health_check=health)
            @given(request=requests(openapi()))
            def send(request: tuple) -> None:
                answer = server.call(*request)
                statuses[answer.status] += 1
                assert answer.status < 500, (request, answer.content)

            started = time.perf_counter()
            send()
            seconds = time.perf_counter() - started
    print(f"{sum(statuses.values())} requests in {seconds:.0f} s: ", end="")
    print(", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))


if __name__ == "__main__":
    main()
