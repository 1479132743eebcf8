"""From a sheet of paper to a font, strokes for a plotter and lines of text with their ground truth."""
