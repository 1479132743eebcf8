"""One-shot classification: which symbol a drawing shows, by a model's likelihood."""
