"""Deliberate faults in the product, and whether the tests notice each."""
