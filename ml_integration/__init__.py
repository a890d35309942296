"""Model runtime for ROS 2: sensor topic -> ONNX model -> validated result topic."""

import os

# Before any engine is imported, in every program of ours: ONNX Runtime would otherwise ask for a
# host on the internet and write a device id, paths and names of models into the home folder.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
