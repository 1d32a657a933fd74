"""Numbers from histories: everything takes a history frame and returns a frame.

`summary` says what happened, `teleop` what it meant for the rover, `comparison` whether two
things differ and `shift` where in the distribution, `objectives` whether promises were kept.
None of them knows the simulator: a file loaded from disk is as good as a run.

Underneath: `columns` reads the arrays out of any frame and notes what it had to assume;
`segments` lines the streams up in one array, so that `streams`, `age` and `bursts` are single
passes; `runs`, `sides`, `estimates`, `blocks` and `verdicts` are the steps of a comparison;
`intervals` and `special` hold the statistics, `tables` the shape of results.
"""
