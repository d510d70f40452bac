"""What people say of episodes afterwards, laid over what was recorded."""
