"""What constrains the next piece of a hypothesis, one file for each constraint."""
