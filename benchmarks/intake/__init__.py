"""The benchmark of the intake: `python -m benchmarks.intake`; docs/pictures.md says what its rows are."""
