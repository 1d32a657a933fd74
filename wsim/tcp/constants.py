"""States of loss recovery and kinds of timers, numbered as in Linux."""

OPEN, DISORDER, CWR, RECOVERY, LOSS = range(5)
NO_TIMER, RETRANSMIT, PROBE, REORDER = range(4)
INFINITE_WINDOW = 0x7FFFFFFF
