"""What observes a training: progress, speed, samples, forecasts, figures, checkpoints."""
