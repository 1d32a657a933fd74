"""Fixtures and a marker for tests against the simulator."""
