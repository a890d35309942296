"""Memory of a machine: active versions, node states, the audit log."""
