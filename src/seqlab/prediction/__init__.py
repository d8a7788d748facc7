"""What a trained network is asked for: forecasts of a series, text after a prefix."""
