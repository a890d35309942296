"""`ml_report`: what nodes have said over a while, as one page."""
