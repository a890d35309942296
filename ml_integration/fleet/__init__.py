"""What is known of many nodes: their statuses, kept, summed up and shown; knows no ROS."""
