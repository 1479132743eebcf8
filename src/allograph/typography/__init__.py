"""Sheets of paper to fill in, and what is made of them: fonts, and lines of text with their ground truth."""
