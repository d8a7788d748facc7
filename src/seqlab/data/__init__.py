"""Data modules: noisy sine windows, and token windows of a text."""
