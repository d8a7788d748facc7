"""The Trainer's loop over batches, the devices it computes on, the state of random generators."""
