"""What holds for all tests of trade."""

from hypothesis import settings

# A busy machine makes any single example slow; a test's own timeout guards against one that never ends.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
