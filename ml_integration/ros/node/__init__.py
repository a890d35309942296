"""Parts of every node of this package: lifecycle, parameters, QoS, executor."""
