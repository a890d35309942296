"""Many nodes, watched over ROS."""
