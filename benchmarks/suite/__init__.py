"""The benchmark suite: `python -m benchmarks.suite`; docs/speed.md says what its rows are."""
