"""A session: its options, its processes and their place on the machine, what it does, its report."""
