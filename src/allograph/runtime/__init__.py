"""Services of the machine and the system: files, processes and threads."""
