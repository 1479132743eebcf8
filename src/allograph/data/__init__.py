"""Drawings of concepts: Omniglot, image folders, random strokes; splits, augmentation, pairs."""

from __future__ import annotations

__all__ = [
    "DATASETS",
    "SPLITS",
    "Augmentation",
    "ConceptDataset",
    "Folder",
    "PackedBitmaps",
    "PairBatch",
    "PairSource",
    "Splits",
    "fixed_pairs",
    "load_dataset",
    "load_folder",
    "load_omniglot",
    "split",
    "split_folder",
    "stroke_concepts",
]

from allograph.data.augment import Augmentation
from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.folders import Folder, load_folder, split_folder
from allograph.data.loading import DATASETS, load_dataset
from allograph.data.omniglot import load_omniglot
from allograph.data.pairs import PairBatch, PairSource, fixed_pairs
from allograph.data.splits import SPLITS, Splits, split
from allograph.data.strokes import stroke_concepts
