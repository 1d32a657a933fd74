"""What a channel is made of: draws, session, queue, order, and closed forms of whole schedules."""
