"""How good a reward model or a policy is, with an interval: accuracy, calibration, win rate, KL."""
