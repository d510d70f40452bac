"""Who drives which joint group, and how control passes without a step."""
