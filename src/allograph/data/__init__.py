"""Images by concept: Omniglot, digits, faces, folders, random strokes; splits, binarisation, augmentation, pairs."""

from __future__ import annotations

__all__ = [
    "DATASETS",
    "SPLITS",
    "Augmentation",
    "Binarisation",
    "ClassificationRuns",
    "ConceptDataset",
    "ExemplarKind",
    "Folder",
    "ImageKind",
    "Images",
    "PackedBitmaps",
    "PairBatch",
    "PairSource",
    "Pictures",
    "Splits",
    "draw_runs",
    "fixed_pairs",
    "load_dataset",
    "load_folder",
    "load_lake_runs",
    "load_omniglot",
    "split",
    "split_folder",
    "stroke_concepts",
]

from allograph.data.augment import Augmentation
from allograph.data.binarising import Binarisation
from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.folders import Folder, ImageKind, load_folder, split_folder
from allograph.data.images import Images
from allograph.data.omniglot import load_omniglot
from allograph.data.one_shot_runs import ClassificationRuns, draw_runs, load_lake_runs
from allograph.data.pairs import ExemplarKind, PairBatch, PairSource, fixed_pairs
from allograph.data.pictures import Pictures
from allograph.data.registry import DATASETS, load_dataset
from allograph.data.splits import SPLITS, Splits, split
from allograph.data.strokes import stroke_concepts
