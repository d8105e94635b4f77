"""A small trained tagger of names: one opinion more beside the rules. README.md is its card."""
