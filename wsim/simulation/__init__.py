"""What the simulator is made of: clients and their links, handlers, intake, records."""
