"""One file per message type: message -> Frame."""
