"""The words of the system: messages, tables, the ledger and the ports; never I/O, never a clock."""
