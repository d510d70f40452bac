"""A headset as OpenXR shows it, without graphics: head, hands, controllers, and what happens to the session."""
