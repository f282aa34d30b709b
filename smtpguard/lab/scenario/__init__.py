"""Scenarios: who sends what to whom through which systems, and how it should end."""
