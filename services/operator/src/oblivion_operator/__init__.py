"""Turns Agent resources into running, connected agents."""
