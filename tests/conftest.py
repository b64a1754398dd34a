"""How the properties search: at random on a desk, always the same in CI, where luck must not decide a landing."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
