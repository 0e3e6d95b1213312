"""What all tests share: nobody fails for being slow on a busy machine; what time is for stands in ``benchmarks/``."""

from hypothesis import settings

settings.register_profile("no-deadline", settings(), deadline=None)
settings.load_profile("no-deadline")
