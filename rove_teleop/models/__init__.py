"""The networks alone, their input and their files: what the local policy and training share, and neither of them."""
