"""Machine set-up for people without ROS; nothing of this is needed on a robot."""

# Keeps engines that these programs import themselves from calling home.
import ml_integration  # noqa: F401
