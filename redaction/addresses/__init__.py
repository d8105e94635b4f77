"""What the room knows about addresses."""
