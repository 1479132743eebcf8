"""Gathers result files into one page with tables, pictures and plots."""
