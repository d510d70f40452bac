"""What a dataset holds, to search in."""
