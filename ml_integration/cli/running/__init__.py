"""What `ml_model run` and `ml_model replay` share: inputs, results, pictures and summary."""
