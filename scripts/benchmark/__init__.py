"""The speed of seqlab, as ratios of things measured alternately."""
