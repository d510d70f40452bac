"""Whether an episode is what it promises to be."""
