"""A device's frames become one trustworthy OperatorFrame: validity, age, jumps; and recordings as a device."""
