"""The frame loop: from what arrives to what is published, without ROS."""
