"""Other people's preprocessing, recorded for tests that shall not need its libraries."""
