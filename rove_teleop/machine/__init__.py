"""What a machine can do and lacks, and what is compiled once on it."""
