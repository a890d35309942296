"""What a machine remembers: active versions, node states, the audit log."""
