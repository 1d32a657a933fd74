"""Where each field of the compiled model lies in its array of integers.

Fields of the sender and of congestion control have the names they have in the readable model;
``r_`` is the receiver, ``a_`` the acknowledgement being processed.
"""

from __future__ import annotations

(
    mss, initial_window, phase, floor_us, delay_there, delay_back, serial, failed, una, nxt,
    written, order, state, pending, armed_ns, armed_ticks, wire_ns, wire_serial, cwnd, ssthresh,
    cwnd_count, cwnd_limited, cwnd_stamp, cwnd_used, max_out, used_until, last_sent_ns, prior_cwnd,
    prior_ssthresh, prr_delivered, prr_out, high, sacked_out, lost_out, retrans_out, delivered,
    lost_ever, resent_ever, duplicates, rack_advanced, rack_order, rack_rtt, rack_steps,
    rack_persist, rack_dsack, dsack_limit, reordered, reordering, probe_end, probe_resent, retries,
    frto, fack, undo_from, undo_left, retrans_stamp, srtt8, deviation, deviation_max, variance,
    window_end, min_ns, min_until_ns, rto_ticks, ack_count, count, delay_min_us, epoch, friendly, k,
    last_cwnd, last_tick, origin, w_max, found, round_end, round_start, last_ack, round_rtt,
    samples, reached, r_ack, r_wup, r_dup_start, r_dup_end, r_echo, r_mss, r_ato, r_quick,
    r_last_tick, r_pending, r_repeated, r_twice_start, r_twice_end, r_pushed, r_pushed_again,
    r_filled, r_base, r_compressed, r_answers, r_due, r_wire_ns, r_wire_serial, r_srtt, early,
    ranges, queue_head, queue_tail, data_head, data_tail, acks_head, acks_tail, first_head,
    first_tail, message, tried_there, tried_back, a_now, a_upto, a_echo, a_dup_start, a_dup_end,
    a_advanced, a_sacked, a_dsacked, a_original, a_rearm, a_resend, a_new_first, a_resent,
    a_first_sack, a_last_sack, a_first_taken, a_last_taken, a_taken, a_prior_una, a_prior_fack,
    a_delivered, a_lost,
) = range(139)  # fmt: skip

COUNT = 139
