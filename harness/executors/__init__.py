"""Where grades are made: processes of this machine by default, a cluster as an extra."""
