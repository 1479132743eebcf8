"""What the program asks of the machine and of the system."""
