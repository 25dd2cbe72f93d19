"""How the threads of a process that computes behave, as environment variables that are read when torch is loaded.

Threads that wait for each other spin a moment and then sleep. Two processes that spin on two cores sample at a third
of their speed; threads that never spin lose a quarter of it alone (EXPERIMENTS.md). The first variable is GNU's
OpenMP's, the second everybody's. Linear algebra outside torch keeps to one core: people judge on the same machine.
"""

PATIENT = {"GOMP_SPINCOUNT": "1000", "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
