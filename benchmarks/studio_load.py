"""The studio under load: many clients at once, each asking for drawings of symbols of its own, one request at a time.

    python benchmarks/studio_load.py [--clients 50] [--seconds 60] [--drawings 16] [--model omniglot]

starts `allograph studio` and prints requests a second, latencies of answers, how often the server said 503 with
Retry-After, how long the page itself took meanwhile, and the server's memory over time. Ends with an error where any
other answer came, or where memory grew by more than a tenth in the second half.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageDraw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--drawings", type=int, default=16)
    parser.add_argument("--model", default="omniglot")
    options = parser.parse_args()
    command = [sys.executable, "-m", "allograph", "studio", "--no-browser", "--port", "0", "--model", options.model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            place = urlsplit(process.stdout.readline().split()[5]).netloc
            run(place, process.pid, options)
        finally:
            process.terminate()


def run(place: str, pid: int, options: argparse.Namespace) -> None:
    statuses: Counter[int | str] = Counter()
    latencies: list[float] = []
    page: list[float] = []
    memory: list[tuple[float, float]] = []
    ask(place, body(random.Random(0), 1))  # the model's first batch is slower
    started = time.perf_counter()
    end = started + options.seconds

    def client(number: int) -> None:
        chance = random.Random(number)
        while time.perf_counter() < end:
            asked = body(chance, options.drawings)
            before = time.perf_counter()
            try:
                status, wait = ask(place, asked)
            except OSError as error:
                statuses[type(error).__name__] += 1
                continue
            statuses[status] += 1
            if status == 200:
                latencies.append(time.perf_counter() - before)
            elif status == 503:
                assert wait is not None, "503 without Retry-After"
                time.sleep(wait * (1 + chance.random() / 2))

    def watch() -> None:
        while time.perf_counter() < end:
            before = time.perf_counter()
            connection = http.client.HTTPConnection(place, timeout=60)
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
            connection.close()
            page.append(time.perf_counter() - before)
            memory.append((before - started, resident(pid)))
            time.sleep(1)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(options.clients)]
    threads.append(threading.Thread(target=watch))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report(statuses, latencies, page, memory, options)


def report(
    statuses: Counter[int | str],
    latencies: list[float],
    page: list[float],
    memory: list[tuple[float, float]],
    options: argparse.Namespace,
) -> None:
    latencies.sort()
    part = statistics.quantiles(latencies, n=100)
    print(f"{options.clients} clients, {options.seconds:g} s, {options.drawings} drawings a request")
    print(f"answers: {', '.join(f'{count} x {status}' for status, count in sorted(statuses.items(), key=str))}")
    print(f"{len(latencies) / options.seconds:.1f} answered requests a second")
    print(f"latency of answers, s: median {part[49]:.2f}, 95th percentile {part[94]:.2f}, longest {latencies[-1]:.2f}")
    print(f"the page meanwhile, s: median {statistics.median(page):.3f}, longest {max(page):.3f}")
    half = [size for at, size in memory if at > options.seconds / 2]
    early = [size for at, size in memory if options.seconds / 6 < at <= options.seconds / 2]
    first, last = statistics.median(early), statistics.median(half)
    print(f"memory, MiB: {memory[0][1]:.0f} before, {first:.0f} in the first half, {last:.0f} in the second")
    if set(statuses) - {200, 503}:
        sys.exit("other answers than 200 and 503")
    if last > 1.1 * first:
        sys.exit("memory grew")


def body(chance: random.Random, n: int) -> bytes:
    """A request for drawings of a scribble that nobody has sent before."""
    picture = Image.new("L", (320, 320), 255)
    draw = ImageDraw.Draw(picture)
    for _ in range(3):
        points = [(chance.uniform(60, 260), chance.uniform(60, 260)) for _ in range(3)]
        draw.line(points, 0, 11, joint="curve")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    image = base64.b64encode(stream.getvalue()).decode()
    return json.dumps({"exemplars": [{"image": image, "ink": "dark"}], "n": n, "seed": chance.randrange(1000)}).encode()


def ask(place: str, asked: bytes) -> tuple[int, float | None]:
    connection = http.client.HTTPConnection(place, timeout=120)
    try:
        connection.request("POST", "/api/write", asked, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        wait = answer.getheader("Retry-After")
        return answer.status, None if wait is None else float(wait)
    finally:
        connection.close()


def resident(pid: int) -> float:
    """Memory of a process, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


if __name__ == "__main__":
    main()
