"""Numbers from histories: everything takes a history frame and returns a frame.

`summary` says what happened, `teleop` what it meant for the rover, `comparison` whether two
things differ. None of them knows the simulator: a file loaded from disk is as good as a run.
"""
