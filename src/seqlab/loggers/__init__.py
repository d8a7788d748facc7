"""Where metrics go: a table by epoch, and TensorBoard."""
