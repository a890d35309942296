"""What a person has to say, with what comes of each answer."""
