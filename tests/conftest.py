"""Two cores are what CI has: math libraries must not start threads that fight with the processes under test."""

import os

import hypothesis

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# The first example compiles; pytest's own timeout watches the rest.
hypothesis.settings.register_profile("compiled", deadline=None)
hypothesis.settings.load_profile("compiled")
