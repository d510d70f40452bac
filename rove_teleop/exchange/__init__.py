"""Episodes to and from the formats that trainers use; opening one of them costs only what it needs."""
