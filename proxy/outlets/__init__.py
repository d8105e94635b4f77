"""Outlets: the ways on which alerts and records leave the house. Each gives on what it is given and judges nothing."""
