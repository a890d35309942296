"""Parts of `ml_model fleet`, one file each."""
