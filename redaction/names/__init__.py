"""What the room knows about names of persons: words, frequent surnames, and rules of context."""
