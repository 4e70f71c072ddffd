"""Fault schedules: kill, stop and wipe parts of the running system under load, then count each effect."""
