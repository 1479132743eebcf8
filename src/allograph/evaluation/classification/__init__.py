"""One-shot classification by a model's likelihood: which symbol does a drawing show?"""
