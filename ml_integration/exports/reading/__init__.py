"""Files of an export, opened with limits and read without trusting them."""
