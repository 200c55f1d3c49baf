"""What people see of a running desk in a browser or a notebook, one module per view; it reads, and never trades."""
