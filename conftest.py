"""Fixtures that every test of the workspace may use."""

pytest_plugins = ["oblivion_platform.testing.plugin"]
