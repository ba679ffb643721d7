"""FAMILY: thing -> Findings. Checks read and measure; they never write, and never touch the network or the store."""
