"""One-shot generation, judged by critics: its three tasks and their results."""
