"""What a history is made of: typed columns, packed rows and the notes of a run."""
