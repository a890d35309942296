"""Model runtime for ROS 2: sensor topic -> ONNX model -> validated result topic."""
