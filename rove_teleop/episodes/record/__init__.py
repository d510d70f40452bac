"""From what arrives to a sealed episode, and what a crash or a full disk leaves of it."""
