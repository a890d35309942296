"""Machine set-up for people without ROS; nothing of this is needed on a robot."""
