"""Where adaptation ended and what each step is worth, over recorded episodes."""
