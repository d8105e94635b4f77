"""The only door to the network: where a model is, and how it is asked."""
