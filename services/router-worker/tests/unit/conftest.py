"""Settings of the property tests."""

from hypothesis import settings

# A busy machine is no failure, so single examples have no deadline; the tests as wholes have one.
settings.register_profile("unhurried", deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("unhurried")
